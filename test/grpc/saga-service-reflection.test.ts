import { create, createFileRegistry, type FileRegistry, fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Client } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { book, startBookingServer } from "./support/booking-server.js";
import { callRaw, reflect } from "./support/raw-call.js";

const scope = createScope();

/** What reflection returns for a symbol: its file, and every file that this one imports. */
async function learn(client: Client, version: "v1" | "v1alpha", symbol: string): Promise<FileRegistry> {
  const files = new Map<string, FileDescriptorProto>();
  const ask = async (question: object): Promise<FileDescriptorProto> => {
    const { fileDescriptorResponse } = await reflect(client, version, question);
    const protos = fileDescriptorResponse?.fileDescriptorProto ?? [];
    const [first] = protos.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    if (first === undefined) {
      throw new Error(`reflection has no answer to ${JSON.stringify(question)}`);
    }
    files.set(first.name, first);
    for (const fileByFilename of first.dependency.filter((name) => !files.has(name))) {
      await ask({ fileByFilename });
    }
    return first;
  };
  return createFileRegistry(await ask({ fileContainingSymbol: symbol }), (name) => files.get(name));
}

describe("a client that has only reflection", () => {
  test.each(["v1", "v1alpha"] as const)(
    "finds the SagaService by %s, calls it and reads the response",
    async (version) => {
      const { client } = await startBookingServer(scope);
      await book(client, { "x-request-id": "s" });
      const listed = await reflect(client, version, { listServices: "" });
      expect(listed.listServicesResponse?.service.map(({ name }) => name)).toContain("saga.v1.SagaService");

      const ours = await learn(client, version, "saga.v1.SagaService");
      const [getSaga, watchSaga] = ours.getService("saga.v1.SagaService")?.methods ?? [];
      expect(watchSaga).toMatchObject({ name: "WatchSaga", methodKind: "server_streaming" });
      if (getSaga === undefined) {
        throw new Error("the service has no methods");
      }
      const request = toBinary(getSaga.input, create(getSaga.input, { requestId: "s" } as Record<string, unknown>));
      const answer = fromBinary(getSaga.output, await callRaw(client, "/saga.v1.SagaService/GetSaga", request));
      const theirs = await learn(client, version, "pb.BookingSyncResponse");
      expect(toJson(getSaga.output, answer, { registry: createFileRegistry(ours, theirs) })).toMatchObject({
        saga: {
          requestId: "s",
          state: "SAGA_STATE_COMPLETED",
          startTime: expect.stringMatching(/^\d{4}-.*Z$/),
          response: {
            "@type": "type.googleapis.com/pb.BookingSyncResponse",
            RequestID: "s",
            OrderID: "1",
            PaymentID: "2",
          },
        },
      });
    },
  );
});

test.each(["v1", "v1alpha"] as const)("by %s the health service is found, called and read, too", async (version) => {
  const { client } = await startBookingServer(scope);
  const listed = await reflect(client, version, { listServices: "" });
  expect(listed.listServicesResponse?.service.map(({ name }) => name)).toContain("grpc.health.v1.Health");
  const health = await learn(client, version, "grpc.health.v1.Health");
  const check = health.getService("grpc.health.v1.Health")?.methods.find(({ name }) => name === "Check");
  if (check === undefined) {
    throw new Error("the service has no Check");
  }
  const answer = fromBinary(check.output, await callRaw(client, "/grpc.health.v1.Health/Check", new Uint8Array()));
  expect(toJson(check.output, answer)).toEqual({ status: "SERVING" });
});

test("health knows the service", async () => {
  const { client } = await startBookingServer(scope);
  const name = Buffer.from("saga.v1.SagaService");
  const asked = Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  expect(await callRaw(client, "/grpc.health.v1.Health/Check", asked)).toEqual(Buffer.from([0x08, 1]));
});
