import { clone, create, type DescFile, toBinary } from "@bufbuild/protobuf";
import {
  type CodeGeneratorRequest,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";

/**
 * A serialized google.protobuf.FileDescriptorSet of a file and its imports, imports first, for reflection. Without source
 * info and without options of source retention.
 */
export function serializeFileSet(request: CodeGeneratorRequest, file: DescFile): Uint8Array {
  const runtime = new Map(request.protoFile.map((proto): [string, FileDescriptorProto] => [proto.name, proto]));
  const set = withImports(file).map((desc) => withoutSource(runtime.get(desc.proto.name) ?? desc.proto));
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: set }));
}

function withImports(file: DescFile, seen: Set<DescFile> = new Set()): readonly DescFile[] {
  if (seen.has(file)) {
    return [];
  }
  seen.add(file);
  return [...file.dependencies.flatMap((dependency) => withImports(dependency, seen)), file];
}

function withoutSource(file: FileDescriptorProto): FileDescriptorProto {
  const copy = clone(FileDescriptorProtoSchema, file);
  copy.sourceCodeInfo = undefined;
  return copy;
}
