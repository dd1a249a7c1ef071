import { create, createFileRegistry, type FileRegistry } from "@bufbuild/protobuf";
import { type CodeGeneratorRequest, type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/**
 * All files of a request as descriptors. The files to generate come from `source_file_descriptors` if the compiler sent
 * them: only they keep options with `retention = RETENTION_SOURCE`.
 */
export function requestRegistry(request: CodeGeneratorRequest): FileRegistry {
  const source = new Map(request.sourceFileDescriptors.map((file): [string, FileDescriptorProto] => [file.name, file]));
  const file = request.protoFile.map((runtime) => source.get(runtime.name) ?? runtime);
  return createFileRegistry(create(FileDescriptorSetSchema, { file }));
}
