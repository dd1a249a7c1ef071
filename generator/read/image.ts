import { gunzipSync } from "node:zlib";
import { create, fromBinary } from "@bufbuild/protobuf";
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { SagaModel } from "../model.js";
import { read } from "./read.js";

/** The model of an image, or why it can't be read. */
export type ReadImage =
  | { readonly model: SagaModel; readonly problem?: undefined }
  | { readonly model?: undefined; readonly problem: string };

/** Reads all files of an image as `buf build -o image.binpb` writes it, compressed or not. */
export function readImage(bytes: Uint8Array): ReadImage {
  if (isJson(bytes)) {
    return { problem: "it is JSON; build image.binpb" };
  }
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, isGzip(bytes) ? gunzipSync(bytes) : bytes);
    if (file.length === 0) {
      return { problem: "it has no files" };
    }
    const known = new Set(file.map(({ name }) => name));
    const missing = file.flatMap(({ dependency }) => dependency).find((name) => !known.has(name));
    if (missing !== undefined) {
      return { problem: `it has no ${missing}; build it with its imports` };
    }
    const fileToGenerate = file.map(({ name }) => name);
    return { model: read(create(CodeGeneratorRequestSchema, { fileToGenerate, protoFile: file })) };
  } catch (error) {
    return { problem: `it is not an image of buf: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** No message starts with this byte, which would start a group. */
function isJson(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b;
}
