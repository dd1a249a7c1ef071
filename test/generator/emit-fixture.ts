import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { CodeGeneratorRequest } from "@bufbuild/protobuf/wkt";
import { check } from "../../generator/check/check.js";
import type { EmitOptions, Plan } from "../../generator/model.js";
import { read } from "../../generator/read/read.js";
import { compile } from "./support/compile.js";

/** The options that tests emit with. */
export const emitOptions: EmitOptions = { pb: "pb", importExtension: "js", version: "0.0.0", spec: "vitest" };

const protos = join(import.meta.dirname, "golden", "proto");

/** The texts of the awkward .proto files, by path. */
export function nastyProtos(): Record<string, string> {
  const paths = readdirSync(protos, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".proto"));
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(protos, path), "utf8")]));
}

/** The plan of .proto files; throws what `check` finds wrong with them. */
export async function planOf(files: Readonly<Record<string, string>>): Promise<Plan> {
  return planOfRequest((await compile(files)).request(Object.keys(files)));
}

function planOfRequest(request: CodeGeneratorRequest): Plan {
  const { plan, diagnostics } = check(read(request));
  if (!plan) {
    throw new Error(diagnostics.map(({ place, message }) => `${place.path}:${place.line}: ${message}`).join("\n"));
  }
  return plan;
}
