// Writes the descriptors of the services and errors that the server serves itself, for gRPC reflection: with them,
// grpcurl calls SagaService and the health service, and prints the details of an error.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const files = [
  {
    from: "proto",
    proto: "google/rpc/error_details.proto",
    out: "runtime/pb/google/rpc/error-details-descriptors.ts",
    name: "errorDetailsDescriptors",
  },
  {
    from: "proto",
    proto: "saga/v1/service.proto",
    out: "runtime/pb/saga/v1/service-descriptors.ts",
    name: "sagaServiceDescriptors",
  },
  {
    from: "node_modules/grpc-health-check/proto",
    proto: "health/v1/health.proto",
    out: "runtime/pb/health/v1/health-descriptors.ts",
    name: "healthDescriptors",
  },
];

for (const { from, proto, out, name } of files) {
  const set = execFileSync("buf", [
    ...["build", from, "--path", `${from}/${proto}`],
    ...["--as-file-descriptor-set", "--exclude-source-info", "-o", "-#format=binpb"],
  ]);
  mkdirSync(dirname(out), { recursive: true });
  const lines = set.toString("base64").match(/.{1,100}/g) ?? [];
  writeFileSync(
    out,
    `// Written by scripts/generate-descriptors.ts. Do not edit.

/** ${proto} and what it imports, as a FileDescriptorSet in base64. */
export const ${name} = [
${lines.map((line) => `  "${line}",`).join("\n")}
].join("");
`,
  );
}
