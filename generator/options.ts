import type { GeneratorCode } from "./check/codes.js";

/** The plugin's options, from `opt` in buf.gen.yaml. */
export interface PluginOptions {
  /** The folder of the node files to keep, relative to buf's working directory: "generated/node". */
  readonly stubsDir: string;
  /** The folder of ts-proto's output, relative to this plugin's `out`. */
  readonly pb: string;
  /** The extension of relative imports. */
  readonly importExtension: "js" | "ts" | "none";
  /** Whether a run with known input may use the cache. */
  readonly cache: boolean;
  /** The test runner for the specs of the fault matrix. "none": no specs are generated. */
  readonly spec: "none" | "vitest" | "node";
  /** An image of the protos of the open sagas, relative to buf's working directory. */
  readonly against?: string;
}

/** The options, or all errors in them. */
export type ParsedOptions =
  | { readonly options: PluginOptions; readonly errors: readonly [] }
  | { readonly options?: undefined; readonly errors: readonly string[] };

const known = ["stubs_dir", "pb", "import_extension", "cache", "against", "spec"];
const extensions = ["js", "ts", "none"] as const;
const runners = ["none", "vitest", "node"] as const;

/** Reads `CodeGeneratorRequest.parameter`: `key=value`, separated by commas. */
export function parseOptions(parameter: string): ParsedOptions {
  const errors: string[] = [];
  const fail = (code: GeneratorCode, message: string): void => {
    errors.push(`${code}: ${message}`);
  };
  const given = new Map<string, string>();
  for (const option of parameter.split(",").map((option) => option.trim())) {
    if (option === "") {
      continue;
    }
    const [key, ...rest] = option.split("=");
    const value = rest.join("=");
    const problem = problemOf(key ?? "", value, given);
    if (problem) {
      fail("SAGA_OPTION_INVALID", `invalid option "${option}": ${problem}`);
    }
    given.set(key ?? "", value);
  }
  const stubsDir = given.get("stubs_dir");
  if (stubsDir === undefined) {
    const fix = "add `opt: stubs_dir=<out>/node`, with this plugin's out";
    fail("SAGA_OPTION_MISSING", `missing option stubs_dir, the folder of the node files to keep; ${fix}`);
  }
  if (errors.length > 0 || stubsDir === undefined) {
    return { errors };
  }
  const importExtension = extensions.find((extension) => extension === given.get("import_extension")) ?? "js";
  const cache = given.get("cache") !== "false";
  const pb = withoutSlash(given.get("pb") ?? "pb");
  const spec = runners.find((runner) => runner === given.get("spec")) ?? "none";
  const against = given.get("against");
  return {
    options: {
      stubsDir: withoutSlash(stubsDir),
      pb,
      importExtension,
      cache,
      spec,
      ...(against !== undefined && { against }),
    },
    errors: [],
  };
}

function problemOf(key: string, value: string, given: ReadonlyMap<string, string>): string | undefined {
  if (!known.includes(key)) {
    return `unknown option; known options: ${known.join(", ")}`;
  }
  if (given.has(key)) {
    return "set twice";
  }
  if (value === "") {
    return "missing value";
  }
  if (key === "import_extension" && !extensions.some((extension) => extension === value)) {
    return `must be one of ${extensions.join(", ")}`;
  }
  if (key === "spec" && !runners.some((runner) => runner === value)) {
    return `must be one of ${runners.join(", ")}`;
  }
  if (key === "cache" && value !== "true" && value !== "false") {
    return "must be true or false";
  }
  return undefined;
}

/** A directory without its trailing slash: "generated/node/" → "generated/node". */
function withoutSlash(directory: string): string {
  return directory.replace(/(?<=.)\/+$/, "");
}
