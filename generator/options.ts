import type { GeneratorCode } from "./check/codes.js";

/** The plugin's options, from `opt` in buf.gen.yaml. */
export interface PluginOptions {
  /** Where the node stubs lie that a run must keep, relative to buf's working directory: "generated/node". */
  readonly stubsDir: string;
  /** Where ts-proto's output stands, relative to this plugin's `out`. */
  readonly pb: string;
  /** The extension of relative imports. */
  readonly importExtension: "js" | "ts" | "none";
  /** Whether a run whose input is known may answer from the cache. */
  readonly cache: boolean;
  /** An image of the protos as they were when the sagas in flight began, relative to buf's working directory. */
  readonly against?: string;
}

/** The options, or every mistake in them. */
export type ParsedOptions =
  | { readonly options: PluginOptions; readonly errors: readonly [] }
  | { readonly options?: undefined; readonly errors: readonly string[] };

const known = ["stubs_dir", "pb", "import_extension", "cache", "against"];
const extensions = ["js", "ts", "none"] as const;

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
    const mend = "add `opt: stubs_dir=<out>/node`, where <out> is this plugin's out";
    fail("SAGA_OPTION_MISSING", `the plugin doesn't know where the node stubs lie that it must keep; ${mend}`);
  }
  if (errors.length > 0 || stubsDir === undefined) {
    return { errors };
  }
  const importExtension = extensions.find((extension) => extension === given.get("import_extension")) ?? "js";
  const cache = given.get("cache") !== "false";
  const pb = withoutSlash(given.get("pb") ?? "pb");
  const against = given.get("against");
  return {
    options: {
      stubsDir: withoutSlash(stubsDir),
      pb,
      importExtension,
      cache,
      ...(against !== undefined && { against }),
    },
    errors: [],
  };
}

function problemOf(key: string, value: string, given: ReadonlyMap<string, string>): string | undefined {
  if (!known.includes(key)) {
    return `unknown option; the plugin knows ${known.join(", ")}`;
  }
  if (given.has(key)) {
    return "given twice";
  }
  if (value === "") {
    return "no value";
  }
  if (key === "import_extension" && !extensions.some((extension) => extension === value)) {
    return `must be one of ${extensions.join(", ")}`;
  }
  if (key === "cache" && value !== "true" && value !== "false") {
    return "must be true or false";
  }
  return undefined;
}

/** A directory as it is written in messages and paths: "generated/node/" → "generated/node". */
function withoutSlash(directory: string): string {
  return directory.replace(/(?<=.)\/+$/, "");
}
