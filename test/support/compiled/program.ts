import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * What Node.js runs a file of the repository by. In a test, TypeScript is run as what the repository was compiled to when
 * the tests began.
 * @param fromSource runs the source itself all the same, through a TypeScript loader as a user does
 */
export function toRun(file: string, fromSource = false): readonly string[] {
  const compiled = process.env.PROTOSAGA_COMPILED;
  const path = isAbsolute(file) ? file : join(repository, file);
  if (!path.endsWith(".ts")) return [path];
  if (compiled !== undefined && !fromSource && !isAbsolute(file)) {
    return [join(compiled, file.replace(/\.ts$/, ".js"))];
  }
  return ["--conditions=@protosaga/source", "--import", import.meta.resolve("tsx"), path];
}
