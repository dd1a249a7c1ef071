import { posix } from "node:path";
import { type Located, locate } from "./exports.js";
import { type Compiler, type ParsedStub, parseStubs } from "./parse.js";

/** What a node file exports through `export * from`. */
export interface StarExports {
  readonly names: ReadonlySet<string>;
  /** The first module that isn't in stubs_dir, so that what it exports can't be known. */
  readonly unseen?: { readonly module: string; readonly at: number };
}

/** Follows `export * from` through the files in stubs_dir. */
export async function starExports(
  path: string,
  located: Located,
  texts: ReadonlyMap<string, string>,
  compiler: Compiler,
): Promise<StarExports> {
  const names = new Set<string>();
  const seen = new Set([path]);
  const follow = async (from: string, { stars }: Located): Promise<StarExports["unseen"]> => {
    for (const star of stars) {
      const target = resolve(from, star.module, texts);
      if (target === undefined) {
        return star;
      }
      if (!seen.has(target)) {
        seen.add(target);
        const parsed = (await parseStubs(new Map([[target, texts.get(target) ?? ""]]))).get(target);
        if (!parsed || parsed.error) {
          return star;
        }
        const inner = locate(parsed satisfies ParsedStub, compiler);
        for (const { name } of inner.exported) {
          names.add(name);
        }
        if (await follow(target, inner)) {
          return star;
        }
      }
    }
    return undefined;
  };
  const unseen = await follow(path, located);
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
