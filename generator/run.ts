import { create, maximumEdition, minimumEdition } from "@bufbuild/protobuf";
import {
  type CodeGeneratorRequest,
  type CodeGeneratorResponse,
  CodeGeneratorResponseSchema,
  CodeGeneratorResponse_Feature as Feature,
} from "@bufbuild/protobuf/wkt";
import { check } from "./check/check.js";
import type { GeneratorCode } from "./check/codes.js";
import { renderDiagnostic } from "./check/report.js";
import type { Diagnostic, OutputFile, SagaModel } from "./model.js";
import { type PluginOptions, parseOptions } from "./options.js";
import { readImage } from "./read/image.js";
import { read } from "./read/read.js";

/** The result of reading a file. */
export type FileRead =
  | { readonly bytes: Uint8Array; readonly problem?: undefined }
  | { readonly bytes?: undefined; readonly problem: string };

/** The input of a run besides the request. */
export interface RunEnvironment {
  /** The plugin's version, for the header of generated files. */
  readonly version: string;
  /** All files below `stubs_dir` by relative path. Empty if the directory doesn't exist. */
  readStubs(stubsDir: string): ReadonlyMap<string, Uint8Array>;
  /** The bytes of a file that an option names, or why it can't be read. */
  readFile(path: string): FileRead;
  /** Takes one warning's line. */
  warn(line: string): void;
}

/**
 * Answers a request: read → check → emit → merge. Errors in the user's input are in the response's `error`, one per line.
 * @throws an error only for a bug in the plugin
 */
export async function run(request: CodeGeneratorRequest, environment: RunEnvironment): Promise<CodeGeneratorResponse> {
  const { options, errors: optionErrors } = parseOptions(request.parameter);
  const before = readBefore(options?.against, environment);
  const { diagnostics, plan } = check(read(request), before.model);
  const errors = [...optionErrors, ...before.errors, ...settle(diagnostics, environment)];
  if (!plan || !options || errors.length > 0) {
    return failure(errors);
  }
  const stubs = environment.readStubs(options.stubsDir);
  if (plan.services.length === 0 && stubs.size === 0) {
    return success([]);
  }
  // Loaded late: emit and merge load ts-morph, which takes longer than everything above.
  const [{ emit }, { merge }] = await Promise.all([import("./emit/emit.js"), import("./merge/merge.js")]);
  const emitOptions = emitOptionsOf(options, environment);
  const emitted = await emit(plan, emitOptions);
  const merged = await merge(plan, { ...emitOptions, stubsDir: options.stubsDir }, stubs);
  const mergeErrors = settle(merged.diagnostics, environment);
  return mergeErrors.length > 0 ? failure(mergeErrors) : success([...emitted, ...merged.files]);
}

/** The model of the earlier protos, if `against` names an image of them. */
function readBefore(
  against: string | undefined,
  environment: RunEnvironment,
): { readonly model?: SagaModel; readonly errors: readonly string[] } {
  if (against === undefined) {
    return { errors: [] };
  }
  const file = environment.readFile(against);
  const { model, problem } =
    file.bytes === undefined ? { model: undefined, problem: file.problem } : readImage(file.bytes);
  if (model !== undefined) {
    return { model, errors: [] };
  }
  const fix = "create it with `buf build <input> -o image.binpb` in the folder where buf generate runs";
  const code: GeneratorCode = "SAGA_AGAINST_UNREADABLE";
  return { errors: [`${code}: against=${against} can't be read: ${problem}; ${fix}`] };
}

function emitOptionsOf({ pb, importExtension, spec }: PluginOptions, { version }: RunEnvironment) {
  return { pb, importExtension, spec, version };
}

/** Prints the warnings and returns the lines of the errors. */
function settle(diagnostics: readonly Diagnostic[], { warn }: RunEnvironment): readonly string[] {
  diagnostics
    .filter(({ severity }) => severity === "warning")
    .map(renderDiagnostic)
    .forEach(warn);
  return diagnostics.filter(({ severity }) => severity === "error").map(renderDiagnostic);
}

function failure(errors: readonly string[]): CodeGeneratorResponse {
  return create(CodeGeneratorResponseSchema, { ...features, error: errors.join("\n") });
}

function success(files: readonly OutputFile[]): CodeGeneratorResponse {
  const file = files.map(({ path, content }) => ({ name: path, content }));
  return create(CodeGeneratorResponseSchema, { ...features, file });
}

const features = {
  supportedFeatures: BigInt(Feature.PROTO3_OPTIONAL | Feature.SUPPORTS_EDITIONS),
  minimumEdition,
  maximumEdition,
};
