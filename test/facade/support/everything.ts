import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Codec } from "../../../runtime/facade/codec.js";
import { createWorkspace, root } from "../../generator/support/workspace.js";

/** ts-proto's options by the name of a variant: those of docs/reference/generator.md, and what users may add to them. */
const variants = {
  plain: [],
  exact: ["unknownFields=true", "useDate=false"],
} as const;

const usual =
  "outputServices=grpc-js,env=node,esModuleInterop=true,importSuffix=.js,forceLong=bigint,oneof=unions-value," +
  "useExactTypes=false,outputIndex=false,annotateFilesWithVersion=false";

/** A variant's name: "exact" messages keep unknown fields and nanoseconds. */
export type Variant = keyof typeof variants;

/** `dto.Everything` of everything.proto, as ts-proto makes it and as its descriptor says it. */
export interface Everything {
  readonly codecs: Readonly<Record<Variant, Codec<Message>>>;
  readonly descriptor: DescMessage;
  readonly registry: FileRegistry;
}

/** A message object of ts-proto's. */
export type Message = Record<string, unknown>;

/** Runs the real buf and the real ts-proto on everything.proto, and loads what they write. */
export async function loadEverything(): Promise<Everything> {
  const entry = (name: string, options: readonly string[]) => `
  - local: [node, ${JSON.stringify(join(root, "node_modules/ts-proto/protoc-gen-ts_proto"))}]
    out: ${name}
    strategy: all
    include_imports: true
    include_wkt: true
    opt: ${JSON.stringify([usual, ...options].join(","))}`;
  const plugins = Object.entries(variants).map(([name, options]) => entry(name, options));
  const workspace = createWorkspace({
    "proto/everything.proto": readFileSync(join(import.meta.dirname, "everything.proto"), "utf8"),
    "buf.gen.yaml": `version: v2\ninputs:\n  - directory: proto\nplugins:${plugins.join("")}\n`,
  });
  try {
    symlinkSync(join(root, "node_modules"), join(workspace.directory, "node_modules"));
    for (const args of [["build", "--as-file-descriptor-set", "-o", "image.binpb"], ["generate"]]) {
      const { code, stderr } = await workspace.buf(...args);
      if (code !== 0) {
        throw new Error(`buf ${args[0]} failed:\n${stderr}`);
      }
    }
    const image = readFileSync(join(workspace.directory, "image.binpb"));
    const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
    const descriptor = registry.getMessage("dto.Everything");
    if (!descriptor) {
      throw new Error("everything.proto has no dto.Everything");
    }
    const load = async (variant: Variant): Promise<Codec<Message>> =>
      (await import(join(workspace.directory, variant, "everything.ts"))).Everything;
    return { codecs: { plain: await load("plain"), exact: await load("exact") }, descriptor, registry };
  } finally {
    workspace.remove();
  }
}
