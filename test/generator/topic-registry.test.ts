import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, expectTypeOf, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { registry } from "../../generated/topic/registry.js";
import { createScope } from "../support/scope.js";
import { facade, protoOf } from "./support/bad-input.js";
import { pluginTemplate } from "./support/plugin.js";
import { createWorkspace } from "./support/workspace.js";

const scope = createScope();

test("the registry lists every topic of every facade by purpose, and its type has them", () => {
  expect(registry).toEqual({
    "pb.BookingService/HandleSyncBooking": { rollback: "cancel_sync_booking", steps: {} },
    "pb.BookingService/HandleAsyncBooking": {
      rollback: "cancel_async_booking",
      steps: { createOrder: "create_order", createPayment: "create_payment" },
    },
    "pb.BookingService/HandleThrottledBooking": {
      rollback: "cancel_throttled_booking",
      steps: { createOrder: "throttled_create_order", createPayment: "throttled_create_payment" },
    },
  });
  expectTypeOf(registry["pb.BookingService/HandleAsyncBooking"].steps.createOrder).toEqualTypeOf<"create_order">();
  expectTypeOf(registry["pb.BookingService/HandleSyncBooking"].rollback).toEqualTypeOf<"cancel_sync_booking">();
});

test("the registry's topics are those that the server uses, the steps' by position", () => {
  const facades = Object.values(bookingService.facades);
  expect(Object.keys(registry).sort()).toEqual(facades.map(({ name }) => name).sort());
  for (const { name, topics, steps } of facades) {
    const listed = registry[name as keyof typeof registry];
    const byName: Readonly<Record<string, string>> = listed.steps;
    expect(listed.rollback).toBe(topics.rollback);
    expect(Object.values(byName)).toHaveLength(topics.steps.length);
    expect(topics.steps).toEqual(topics.steps.length === 0 ? [] : steps.map((step) => byName[step.name]));
  }
});

test("facades contain the full names of their messages, for google.protobuf.Any", () => {
  const { handleAsyncBooking, handleThrottledBooking } = bookingService.facades;
  expect(handleAsyncBooking?.types).toEqual({ request: "pb.BookingRequest", response: "pb.BookingASyncResponse" });
  expect(handleThrottledBooking?.types.response).toBe("pb.BookingSyncResponse");
});

/** A .proto file with one facade, whose RPC is called as the registry is. */
const proto = (packageName: string) =>
  protoOf(
    {
      name: "",
      says: [],
      rpcs: facade(
        `mode: MODE_ASYNC rollback_topic: "undo_${packageName}"
        steps: [{call: "$.Up.Do" topic: "do_${packageName}"}]`,
        "Registry",
      ),
    },
    packageName,
  );

test.each<readonly [paths: readonly string[], registry: string]>([
  [["registry.proto", "registry/registry.proto"], "registry.ts"],
  [["registry.ts.proto"], "registry-2.ts"],
  [["Registry.js.proto", "registry-2.d.ts/a.proto"], "registry-3.ts"],
  [["a/registry.ts.proto", "registry.v1/a.proto"], "registry.ts"],
])("the registry of %j does not stand in the way of a .proto file's folder", async (paths, expected) => {
  const protos = paths.map((path, at) => [`proto/${path}`, proto(`p${at}`)] as const);
  const workspace = createWorkspace({
    ...Object.fromEntries(protos),
    "buf.gen.yaml": pluginTemplate(["stubs_dir=gen/node"]),
  });
  scope.defer(() => workspace.remove());
  expect(await workspace.buf("generate")).toEqual({ code: 0, stdout: "", stderr: "" });
  const topics = join(workspace.directory, "gen/topic");
  const files = readdirSync(topics, { withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.map(({ name }) => name)).toEqual([expected]);
  const text = readFileSync(join(topics, expected), "utf8");
  for (const [at] of paths.entries()) {
    expect(text).toContain(`"p${at}.S/Registry": {`);
  }
});

test("without facades there is no registry", async () => {
  const workspace = createWorkspace({
    "proto/a.proto": protoOf({ name: "", says: [] }, "a"),
    "buf.gen.yaml": pluginTemplate(["stubs_dir=gen/node"]),
  });
  scope.defer(() => workspace.remove());
  expect(await workspace.buf("generate")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(() => readdirSync(join(workspace.directory, "gen/topic"))).toThrow("ENOENT");
});
