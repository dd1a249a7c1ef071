import { fileURLToPath } from "node:url";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";

const folder = fileURLToPath(new URL("../../../../proto", import.meta.url));

/** Loads a proto file of the repository: its descriptors for reflection, its options for the barrier. */
export function loadProto(file: string): PackageDefinition {
  return loadSync(file, { includeDirs: [folder], keepCase: true });
}
