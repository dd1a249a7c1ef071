import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  type CodeGeneratorRequest,
  CodeGeneratorRequestSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { createWorkspace } from "./workspace.js";

/** Files that were compiled together, by one call of buf. */
export interface Compiled {
  /** The request that a compiler would send for these files to generate; with their imports and nothing else. */
  request(fileToGenerate: readonly string[], parameter?: string): CodeGeneratorRequest;
}

/**
 * Compiles .proto files, by their paths below `proto/`, with the real buf. `saga/v1/saga.proto` is there already.
 * Throws what buf says where they don't compile.
 */
export async function compile(protos: Readonly<Record<string, string>>): Promise<Compiled> {
  const files = Object.entries(protos).map(([path, text]) => [join("proto", path), text]);
  const workspace = createWorkspace(Object.fromEntries(files));
  try {
    const built = await workspace.buf("build", "--as-file-descriptor-set", "-o", "image.binpb");
    if (built.code !== 0) {
      throw new Error(`buf build failed:\n${built.stderr}`);
    }
    const image = fromBinary(FileDescriptorSetSchema, readFileSync(join(workspace.directory, "image.binpb")));
    return { request: (paths, parameter = "") => requestFor(image.file, paths, parameter) };
  } finally {
    workspace.remove();
  }
}

function requestFor(
  files: readonly FileDescriptorProto[],
  fileToGenerate: readonly string[],
  parameter: string,
): CodeGeneratorRequest {
  const byName = new Map(files.map((file): [string, FileDescriptorProto] => [file.name, file]));
  const needed = new Set<string>();
  const need = (name: string): void => {
    byName.get(name)?.dependency.forEach(need);
    needed.add(name);
  };
  fileToGenerate.forEach(need);
  const protoFile = files.filter((file) => needed.has(file.name));
  return create(CodeGeneratorRequestSchema, {
    fileToGenerate: [...fileToGenerate],
    parameter,
    protoFile,
    sourceFileDescriptors: protoFile.filter((file) => fileToGenerate.includes(file.name)),
  });
}
