import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { beforeAll, expect, test } from "vitest";
import type { SagaModel } from "../../generator/model.js";
import { read } from "../../generator/read/read.js";
import { type Compiled, compile } from "./support/compile.js";
import { root } from "./support/workspace.js";

const booking = ["booking/booking.proto", "booking/order.proto", "booking/payment.proto"];

const places = `syntax = "proto3";
package places;
import "saga/v1/saga.proto";
message Note {}
service Notes {
  rpc Keep(Note) returns (Note) {
    option (saga.v1.facade) = {
      mode: MODE_ASYNC
      steps: [
        {call: "places.Notes.Add" topic: "add"},
        {parallel: {steps: [{call: "places.Notes.Add" name: "a"}, {call: "places.Nope"}]} name: "stray"}
      ]
      deadline: {seconds: 3 nanos: 5}
      recovery: RECOVERY_CARRY_ON
    };
  }
  rpc Hold(Note) returns (Note) {
    option (saga.v1.facade).mode = MODE_THROTTLED;
    option (saga.v1.facade).steps = {call: "places.Notes.Add"};
    option (saga.v1.facade).steps = {parallel: {steps: [{parallel: {}}, {}]}};
  }
  rpc Add(Note) returns (Note) {
    option idempotency_level = IDEMPOTENT;
    option (saga.v1.step) = {
      kind: STEP_KIND_RETRIABLE
      compensation: "places.Notes.Drop"
      compensate_on_failure: true
      timeout: {seconds: 1}
      retry: {max_attempts: 4 initial_backoff: {nanos: 1000000} multiplier: 1.5}
    };
  }
  rpc Drop(Note) returns (Note) {
    option (saga.v1.compensation).timeout = {seconds: 9};
  }
  rpc Watch(Note) returns (stream Note);
}
`;

let compiled: Compiled;
let notes: SagaModel;
beforeAll(async () => {
  const protos = booking.map((path) => [path, readFileSync(join(root, "proto", path), "utf8")]);
  compiled = await compile({ ...Object.fromEntries(protos), "places.proto": places });
  notes = read(compiled.request(["places.proto"]));
});

test("the booking example becomes one service with two facades", () => {
  const model = read(compiled.request(booking));
  expect(model.services.map((service) => service.fullName)).toEqual(["pb.BookingService"]);
  const [sync, async] = model.services[0]?.facades ?? [];
  expect(sync).toMatchObject({ mode: "sync", rollbackTopic: "cancel_sync_booking", recovery: "unspecified" });
  expect(async).toMatchObject({ mode: "async", rollbackTopic: "cancel_async_booking" });
  expect(async?.groups.flatMap((group) => group.steps).map((step) => [step.rpc?.path, step.topic])).toEqual([
    ["/pb.OrderService/CreateOrder", "create_order"],
    ["/pb.PaymentService/CreatePayment", "create_payment"],
  ]);
  expect(sync?.groups[0]?.steps[0]?.compensation?.fullName).toBe("pb.OrderService.CancelOrder");
  expect(sync?.rpc.input.fields.map((field) => field.property)).toEqual(["ProductID", "Count", "FaultInject"]);
  expect(model.marked.map((rpc) => rpc.name)).toEqual(["CreateOrder", "CancelOrder", "CreatePayment", "CancelPayment"]);
  expect(model.rpcNames).toContain("pb.OrderService.GetOrder");
});

test("only files to generate are read", () => {
  const model = read(compiled.request(["booking/order.proto"]));
  expect(model.services).toEqual([]);
  expect(model.marked.map((rpc) => rpc.name)).toEqual(["CreateOrder", "CancelOrder"]);
});

test("a request without saga.proto has nothing to read", async () => {
  const plain = await compile({ "plain.proto": 'syntax = "proto3"; message M {} service S { rpc R(M) returns (M); }' });
  const model = read(plain.request(["plain.proto"]));
  expect(model).toEqual({ services: [], marked: [], files: [expect.any(String)], rpcNames: ["S.R"] });
});

test("locations count from 1 and lead to the option's field", () => {
  const [keep, hold] = notes.services[0]?.facades ?? [];
  const at = (line: number, text: string) => ({
    path: "places.proto",
    line,
    column: (places.split("\n")[line - 1]?.indexOf(text) ?? -2) + 1,
  });
  expect(keep?.rpc.place).toEqual(at(6, "rpc"));
  expect(keep?.place).toEqual(at(7, "(saga.v1.facade)"));
  expect(keep?.deadline?.place).toEqual(at(13, "seconds: 3"));
  // A list in brackets has one place.
  expect(keep?.groups.map((group) => group.place)).toEqual([at(9, "steps"), at(9, "steps")]);
  expect(keep?.groups[1]?.steps.map((step) => step.place)).toEqual([at(9, "steps"), at(9, "steps")]);
  // Statements have one each.
  expect(hold?.place).toEqual(at(18, "option"));
  expect(hold?.groups.map((group) => group.place)).toEqual([at(19, "option"), at(20, "option")]);
  const [add, drop] = notes.marked;
  expect(add?.step?.place).toEqual(at(24, "(saga.v1.step)"));
  expect(add?.step?.compensationPlace).toEqual(at(26, "compensation"));
  expect(add?.step?.timeout?.place).toEqual(at(28, "seconds"));
  expect(add?.step?.retry?.place).toEqual(at(29, "max_attempts"));
  expect(add?.step?.retry?.initialBackoff?.place).toEqual(at(29, "nanos"));
  expect(drop?.compensation?.timeout?.place).toEqual(at(33, "(saga.v1.compensation)"));
});

test("everything that the annotations say is in the model", () => {
  const [keep, hold] = notes.services[0]?.facades ?? [];
  expect(keep).toMatchObject({ mode: "async", recovery: "carry-on", deadline: { seconds: 3n, nanos: 5 } });
  expect(keep?.groups.map((group) => [group.parallel, group.stray, group.steps.map((step) => step.call)])).toEqual([
    [false, undefined, ["places.Notes.Add"]],
    [true, ["name"], ["places.Notes.Add", "places.Nope"]],
  ]);
  expect(keep?.groups[1]?.steps.map((step) => [step.name, step.rpc?.name])).toEqual([
    ["a", "Add"],
    ["", undefined],
  ]);
  expect(hold).toMatchObject({ mode: "throttled", rollbackTopic: "", recovery: "unspecified" });
  expect(hold?.deadline).toBeUndefined();
  expect(hold?.groups[1]?.steps.map((step) => [step.call, step.nested])).toEqual([
    ["", true],
    ["", undefined],
  ]);
  const [add, drop] = notes.marked;
  expect(add).toMatchObject({
    idempotency: "idempotent",
    streaming: false,
    facade: false,
    step: {
      kind: "retriable",
      compensation: "places.Notes.Drop",
      compensateOnFailure: true,
      noEffect: false,
      timeout: { seconds: 1n, nanos: 0 },
      retry: { maxAttempts: 4, initialBackoff: { seconds: 0n, nanos: 1_000_000 }, multiplier: 1.5 },
    },
  });
  expect(add?.step?.retry?.maxBackoff).toBeUndefined();
  expect(drop).toMatchObject({ compensation: { timeout: { seconds: 9n } } });
  expect(keep?.groups[0]?.steps[0]?.compensation).toBe(drop);
  expect(keep?.groups[0]?.steps[0]?.rpc).toBe(add);
  expect(notes.services[0]?.others.map((rpc) => [rpc.name, rpc.streaming])).toEqual([
    ["Add", false],
    ["Drop", false],
    ["Watch", true],
  ]);
});

test("descriptors hold the file and its imports, imports first, with options and without source info", () => {
  const set = fromBinary(FileDescriptorSetSchema, notes.services[0]?.descriptors ?? new Uint8Array());
  expect(set.file.map((file) => file.name)).toEqual([
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "saga/v1/saga.proto",
    "places.proto",
  ]);
  expect(set.file.every((file) => file.sourceCodeInfo === undefined)).toBe(true);
  const options = set.file[3]?.service[0]?.method[0]?.options;
  expect(options?.$unknown?.map((field) => field.no)).toEqual([50711]);
});
