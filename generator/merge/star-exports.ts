import { posix } from "node:path";
import { type Located, locate } from "./exports.js";
import { type Compiler, parseStubs } from "./parse.js";

/** What a node file exports through `export * from`. */
export interface StarExports {
  readonly names: ReadonlySet<string>;
  /** The first module that isn't in stubs_dir: its exports are unknown. */
  readonly unseen?: { readonly module: string; readonly at: number };
}

/** Follows `export * from` through the files in stubs_dir. */
export function starExports(
  path: string,
  located: Located,
  texts: ReadonlyMap<string, string>,
  compiler: Compiler,
): StarExports {
  const names = new Set<string>();
  const seen = new Set([path]);
  const follow = (from: string, { stars }: Located): StarExports["unseen"] => {
    for (const star of stars) {
      const target = resolve(from, star.module, texts);
      if (target === undefined) {
        return star;
      }
      if (!seen.has(target)) {
        seen.add(target);
        const parsed = parseStubs(new Map([[target, texts.get(target) ?? ""]])).get(target);
        if (!parsed || parsed.error) {
          return star;
        }
        const inner = locate(parsed, compiler);
        for (const { name } of inner.exported) {
          names.add(name);
        }
        if (follow(target, inner)) {
          return star;
        }
      }
    }
    return undefined;
  };
  const unseen = follow(path, located);
  return unseen ? { names, unseen } : { names };
}

function resolve(from: string, module: string, texts: ReadonlyMap<string, string>): string | undefined {
  if (!module.startsWith(".")) {
    return undefined;
  }
  const path = posix.join(posix.dirname(from), module);
  const bare = path.replace(/\.[jt]s$/, "");
  return [path, `${bare}.ts`, `${bare}/index.ts`].find((candidate) => texts.has(candidate));
}
