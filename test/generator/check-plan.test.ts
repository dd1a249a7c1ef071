import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { check } from "../../generator/check/check.js";
import { closest } from "../../generator/check/closest.js";
import { lowerCamelCase, lowerSnakeCase } from "../../generator/check/words.js";
import type { PlannedFacade } from "../../generator/model.js";
import { read } from "../../generator/read/read.js";
import { type Compiled, compile } from "./support/compile.js";
import { root } from "./support/workspace.js";

const booking = ["booking/booking.proto", "booking/order.proto", "booking/payment.proto"];

const base = `syntax = "proto3";
package plan;
import "saga/v1/saga.proto";
message M {}
message N {}
service Up {
  rpc Reserve(M) returns (M) {
    option (saga.v1.step) = {compensation: "Release" compensate_on_failure: true timeout: {seconds: 1 nanos: 1500000}};
  }
  rpc Release(M) returns (M) {
    option (saga.v1.compensation) = {timeout: {seconds: 3} retry: {max_attempts: 5 max_backoff: {seconds: 90} multiplier: 1.5}};
  }
  rpc Look(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Peek(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Tell(M) returns (M) { option (saga.v1.step) = {no_effect: true}; }
  rpc Pay(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {kind: STEP_KIND_PIVOT}; }
  rpc Ship(M) returns (M) {
    option idempotency_level = IDEMPOTENT;
    option (saga.v1.step) = {kind: STEP_KIND_RETRIABLE retry: {max_attempts: 7 initial_backoff: {nanos: 20000000}}};
  }
  rpc Delete(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
}
service Shop {
  rpc HandleGetHTTPOrder2(M) returns (M) {
    option (saga.v1.facade) = {
      mode: MODE_SYNC
      steps: [
        {parallel: {steps: [{call: "plan.Up.Reserve"}, {call: "plan.Up.Tell"}]}},
        {call: "plan.Up.Look"},
        {call: "plan.Up.Pay"},
        {call: "plan.Up.Ship" name: "shipAll"},
        {call: "plan.Up.Peek" name: "lookAgain"}
      ]
      deadline: {seconds: 500}
    };
  }
  rpc Import(M) returns (M) {
    option (saga.v1.facade) = {mode: MODE_THROTTLED steps: [{call: "plan.Up.Delete"}]};
  }
  rpc Later(M) returns (M) {
    option (saga.v1.facade) = {
      mode: MODE_ASYNC recovery: RECOVERY_ROLL_BACK rollback_topic: "r" steps: [{call: "plan.Up.Delete" topic: "t"}]
    };
  }
  rpc Other(M) returns (M);
}
`;

/** Edits of the base that don't change the structure of the first facade. */
const harmless: readonly (readonly [from: string, to: string])[] = [
  ["timeout: {seconds: 3}", "timeout: {seconds: 4}"],
  ["max_attempts: 7", "max_attempts: 8"],
  ["seconds: 500", "seconds: 501"],
  ["deadline: {", 'rollback_topic: "other" deadline: {'],
  ["rpc Handle", "// why\n  rpc Handle"],
  ["message M {}", "message M {string s = 1;}"],
];

/** Edits of the base, each of which changes it. */
const breaking: readonly (readonly [name: string, from: string, to: string])[] = [
  ["another mode", "MODE_SYNC", "MODE_ASYNC"],
  ["another recovery", "deadline: {", "recovery: RECOVERY_CARRY_ON deadline: {"],
  ["another step name", "shipAll", "ship"],
  [
    "another order",
    '{call: "plan.Up.Look"},\n        {call: "plan.Up.Pay"}',
    '{call: "plan.Up.Pay"},\n        {call: "plan.Up.Look"}',
  ],
  ["another kind", "option (saga.v1.step) = {no_effect: true}", 'option (saga.v1.step) = {compensation: "Release"}'],
  ["one step less", ',\n        {call: "plan.Up.Peek" name: "lookAgain"}', ""],
  [
    "another group",
    '{parallel: {steps: [{call: "plan.Up.Reserve"}, {call: "plan.Up.Tell"}]}}',
    '{call: "plan.Up.Reserve"}, {call: "plan.Up.Tell"}',
  ],
  ["another request type", "rpc HandleGetHTTPOrder2(M)", "rpc HandleGetHTTPOrder2(N)"],
  ["another response type", "HandleGetHTTPOrder2(M) returns (M)", "HandleGetHTTPOrder2(M) returns (N)"],
  ["another step request type", "rpc Ship(M)", "rpc Ship(N)"],
  ["another compensation request type", "rpc Release(M)", "rpc Release(N)"],
];

let compiled: Compiled;
let shop: readonly PlannedFacade[];
beforeAll(async () => {
  const protos = booking.map((path) => [path, readFileSync(join(root, "proto", path), "utf8")]);
  compiled = await compile({ ...Object.fromEntries(protos), "plan.proto": base });
  shop = facadesOf(compiled, ["plan.proto"]);
});

function facadesOf(from: Compiled, paths: readonly string[]): readonly PlannedFacade[] {
  const { diagnostics, plan } = check(read(from.request(paths)));
  expect(diagnostics).toEqual([]);
  return plan?.services.flatMap((service) => service.facades) ?? [];
}

async function fingerprintOf(proto: string): Promise<string | undefined> {
  return facadesOf(await compile({ "plan.proto": proto }), ["plan.proto"])[0]?.fingerprint;
}

describe("defaults are those of saga.proto", () => {
  test("the booking example", () => {
    const [sync, async] = facadesOf(compiled, booking);
    expect(sync).toMatchObject({ identifier: "handleSyncBooking", mode: "sync", recovery: "roll-back" });
    expect(async).toMatchObject({ identifier: "handleAsyncBooking", mode: "async", recovery: "carry-on" });
    expect(sync?.steps.map(({ name, topic, group, kind }) => [name, topic, group, kind])).toEqual([
      ["createOrder", "create_order", 0, "compensatable"],
      ["createPayment", "create_payment", 1, "compensatable"],
    ]);
    expect(sync?.steps[0]).toMatchObject({
      timeoutMs: 2000,
      retry: { maxAttempts: 3, initialBackoffMs: 100, maxBackoffMs: 5000, multiplier: 2 },
      idempotent: true,
      compensateOnFailure: false,
      compensation: {
        rpc: { path: "/pb.OrderService/CancelOrder" },
        timeoutMs: 10_000,
        retry: { maxAttempts: 20, initialBackoffMs: 100, maxBackoffMs: 60_000, multiplier: 2 },
      },
    });
    expect(sync && "deadlineMs" in sync).toBe(false);
  });

  test("facades", () => {
    const summary = shop.map(({ identifier, mode, rollbackTopic, recovery, deadlineMs }) => [
      identifier,
      mode,
      rollbackTopic,
      recovery,
      deadlineMs,
    ]);
    expect(summary).toEqual([
      ["handleGetHttpOrder2", "sync", "cancel_get_http_order2", "roll-back", 500_000],
      ["import_", "throttled", "cancel_import", "carry-on", undefined],
      ["later", "async", "r", "roll-back", undefined],
    ]);
    expect(shop[1]?.steps[0]).toMatchObject({ name: "delete", identifier: "delete_", topic: "delete" });
    expect(shop[2]?.steps[0]).toMatchObject({ topic: "t" });
  });

  test("kinds, groups and policies", () => {
    const summary = shop[0]?.steps.map(({ name, group, kind, idempotent, timeoutMs, retry }) => [
      name,
      group,
      kind,
      idempotent,
      timeoutMs,
      retry.maxAttempts,
      retry.initialBackoffMs,
    ]);
    expect(summary).toEqual([
      ["reserve", 0, "compensatable", false, 1002, 1, 100],
      ["tell", 0, "read", false, 10_000, 1, 100],
      ["look", 1, "read", true, 10_000, 3, 100],
      ["pay", 2, "pivot", true, 10_000, 3, 100],
      ["shipAll", 3, "retriable", true, 10_000, 7, 20],
      ["lookAgain", 4, "retriable", true, 10_000, 3, 100],
    ]);
    expect(shop[0]?.steps[0]).toMatchObject({
      compensateOnFailure: true,
      compensation: {
        timeoutMs: 3000,
        retry: { maxAttempts: 5, initialBackoffMs: 100, maxBackoffMs: 90_000, multiplier: 1.5 },
      },
    });
    expect(shop[0]?.steps.slice(1).every((step) => !("compensation" in step))).toBe(true);
  });
});

describe("the fingerprint", () => {
  test("is a hex SHA-256, and each facade has its own", () => {
    expect(shop.map(({ fingerprint }) => fingerprint)).toEqual(shop.map(() => expect.stringMatching(/^[0-9a-f]{64}$/)));
    expect(new Set(shop.map(({ fingerprint }) => fingerprint)).size).toBe(shop.length);
  });

  test.each(breaking)("changes with %s", { concurrent: true }, async (_name, from, to) => {
    expect(base).toContain(from);
    expect(await fingerprintOf(base.replace(from, to))).not.toBe(shop[0]?.fingerprint);
  });

  test("stays with timings, retries, topics, comments and message fields", async () => {
    const edited = harmless.reduce((proto, [from, to]) => {
      expect(proto).toContain(from);
      return proto.replace(from, to);
    }, base);
    expect(await fingerprintOf(edited)).toBe(shop[0]?.fingerprint);
  });

  test("stays what it was: journals rely on it", () => {
    const [sync] = facadesOf(compiled, booking);
    expect(sync?.fingerprint).toBe("2f4ece2dddb5a8801b7ab6c419146bb8e6d7c6272628fb7d2a0cae046073755f");
  });
});

test.each([
  ["CreateOrder", "createOrder", "create_order"],
  ["HandleASyncBooking", "handleASyncBooking", "handle_a_sync_booking"],
  ["GetAPIValue", "getApiValue", "get_api_value"],
  ["URL", "url", "url"],
  ["create_order", "createOrder", "create_order"],
  ["Book2Go", "book2Go", "book2_go"],
  ["HTTP2Call", "http2Call", "http2_call"],
])("%s is %s and %s", (name, camel, snake) => {
  expect(lowerCamelCase(name)).toBe(camel);
  expect(lowerSnakeCase(name)).toBe(snake);
});

test.each([
  ["pb.OrderService.CreatOrder", "pb.OrderService.CreateOrder"],
  ["OrderService.CreateOrder", "pb.OrderService.CreateOrder"],
  [".pb.OrderService.CreateOrder", "pb.OrderService.CreateOrder"],
  ["pb.orderservice.getorder", "pb.OrderService.GetOrder"],
  ["something.else.Entirely", undefined],
  ["", undefined],
])("%s was meant as %s", (wanted, meant) => {
  expect(closest(wanted, ["pb.OrderService.CreateOrder", "pb.OrderService.GetOrder"])).toBe(meant);
});
