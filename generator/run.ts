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

/** What came of reading a file. */
export type FileRead =
  | { readonly bytes: Uint8Array; readonly problem?: undefined }
  | { readonly bytes?: undefined; readonly problem: string };

/** What a run takes from outside the request. */
export interface RunEnvironment {
  /** The plugin's version, for the header of what it writes. */
  readonly version: string;
  /** Every file below `stubs_dir`, by its path relative to it; empty where there is no such directory. */
  readStubs(stubsDir: string): ReadonlyMap<string, Uint8Array>;
  /** The bytes of a file that an option names, or why it can't be read. */
  readFile(path: string): FileRead;
  /** Takes one warning's line. */
  warn(line: string): void;
}

/**
 * Answers a request: read → check → emit → merge. Faults of the user's input are in the response's `error`, all of
 * them, one a line; what is thrown is a fault of the plugin.
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
  // Loaded only now: emit and merge bring ts-morph, which takes longer than all of the above.
  const [{ emit }, { merge }] = await Promise.all([import("./emit/emit.js"), import("./merge/merge.js")]);
  const emitOptions = emitOptionsOf(options, environment);
  const emitted = await emit(plan, emitOptions);
  const merged = await merge(plan, { ...emitOptions, stubsDir: options.stubsDir }, stubs);
  const mergeErrors = settle(merged.diagnostics, environment);
  return mergeErrors.length > 0 ? failure(mergeErrors) : success([...emitted, ...merged.files]);
}

/** What the protos said before, where an option names an image of that. */
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
  const mend = "write it with `buf build <input> -o image.binpb` where buf generate runs";
  const code: GeneratorCode = "SAGA_AGAINST_UNREADABLE";
  return { errors: [`${code}: against=${against} can't be read: ${problem}; ${mend}`] };
}

function emitOptionsOf({ pb, importExtension }: PluginOptions, { version }: RunEnvironment) {
  return { pb, importExtension, version };
}

/** Passes warnings on and answers the errors' lines. */
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
