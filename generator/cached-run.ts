import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema, CodeGeneratorResponseSchema } from "@bufbuild/protobuf/wkt";
import { cacheDirectory, cacheKey, readCache, writeCache } from "./cache.js";
import { parseOptions } from "./options.js";
import { type RunEnvironment, run } from "./run.js";

/**
 * Answers a serialized request, from the cache if possible. Only responses without errors are cached. Their warnings are
 * printed again.
 * @param cwd the directory that buf runs in
 */
export async function cachedRun(bytes: Uint8Array, environment: RunEnvironment, cwd: string): Promise<Uint8Array> {
  const request = fromBinary(CodeGeneratorRequestSchema, bytes);
  const { options } = parseOptions(request.parameter);
  const directory = options?.cache ? cacheDirectory(cwd) : undefined;
  if (!options || !directory) {
    return toBinary(CodeGeneratorResponseSchema, await run(request, environment));
  }
  const stubs = environment.readStubs(options.stubsDir);
  const image = options.against === undefined ? undefined : environment.readFile(options.against);
  const against = image?.bytes && { against: image.bytes };
  const key = cacheKey({ version: environment.version, request: bytes, stubs, ...against });
  const known = readCache(directory, key);
  if (known) {
    known.warnings.split("\n").filter(Boolean).forEach(environment.warn);
    return known.response;
  }
  const warnings: string[] = [];
  const warn = (line: string): void => {
    warnings.push(line);
    environment.warn(line);
  };
  const answer = await run(request, {
    ...environment,
    readStubs: () => stubs,
    readFile: (path) => image ?? environment.readFile(path),
    warn,
  });
  const response = toBinary(CodeGeneratorResponseSchema, answer);
  if (answer.error === "") {
    writeCache(directory, key, { response, warnings: warnings.join("\n") });
  }
  return response;
}
