// Writes the descriptors of what the server itself serves and sends, for gRPC reflection: so grpcurl can call the
// SagaService, and show the details of an error.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

const files = [
  {
    proto: "google/rpc/error_details.proto",
    out: "runtime/pb/google/rpc/error-details-descriptors.ts",
    name: "errorDetailsDescriptors",
  },
  {
    proto: "saga/v1/service.proto",
    out: "runtime/pb/saga/v1/service-descriptors.ts",
    name: "sagaServiceDescriptors",
  },
];

for (const { proto, out, name } of files) {
  const set = execFileSync("buf", [
    ...["build", "proto", "--path", `proto/${proto}`],
    ...["--as-file-descriptor-set", "--exclude-source-info", "-o", "-#format=binpb"],
  ]);
  const lines = set.toString("base64").match(/.{1,100}/g) ?? [];
  writeFileSync(
    out,
    `// Written by scripts/generate-descriptors.mjs. Do not edit.

/** ${proto} and what it imports, as a FileDescriptorSet in base64. */
export const ${name} = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`,
  );
}
