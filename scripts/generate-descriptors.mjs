// Writes the descriptors of google.rpc's error details for gRPC reflection, so that grpcurl can show the details of an error.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const set = execFileSync("buf", [
  ...["build", "proto", "--path", "proto/google/rpc/error_details.proto"],
  ...["--as-file-descriptor-set", "--exclude-source-info", "-o", "-#format=binpb"],
]);
const lines = set.toString("base64").match(/.{1,100}/g) ?? [];
writeFileSync(
  "runtime/pb/google/rpc/error-details-descriptors.ts",
  `// Written by scripts/generate-error-details.mjs. Do not edit.

/** google/rpc/error_details.proto and what it imports, as a FileDescriptorSet in base64. */
export const errorDetailsDescriptors = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`,
);
