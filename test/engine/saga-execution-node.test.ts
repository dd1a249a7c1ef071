import { describe, expect, test } from "vitest";
import { Rollback } from "../../runtime/core/errors.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { todo } from "../../runtime/facade/todo.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing } from "./support/upstream-stub.js";

const scope = createScope();
const soldOut = new Rollback("RESOURCE_EXHAUSTED", "sold out");

describe("a node whose request", () => {
  const cases = [
    {
      what: "throws a Rollback",
      request: () => {
        throw soldOut;
      },
      told: { status: "RESOURCE_EXHAUSTED", message: "sold out", reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "rejects with a Rollback",
      request: () => Promise.reject(soldOut),
      told: { status: "RESOURCE_EXHAUSTED", message: "sold out", reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "returns a Rollback, or the promise of one",
      request: () => Promise.resolve(soldOut),
      told: { status: "RESOURCE_EXHAUSTED", message: "sold out", reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "throws an error",
      request: () => {
        throw new TypeError("x is undefined");
      },
      told: { status: "INTERNAL", message: "node b failed: x is undefined", reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "rejects later",
      request: () => new Promise((_, reject) => setImmediate(() => reject(new Error("no")))),
      told: { status: "INTERNAL", message: "node b failed: no", reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "throws what is no error",
      request: () => {
        throw "just text";
      },
      told: { status: "INTERNAL", message: "node b failed: just text", reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "throws a Rollback with a code that is none",
      request: () => {
        throw new Rollback(Number("E_SOLD_OUT"), "sold out");
      },
      told: { status: "UNKNOWN", message: "sold out", reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "throws a value that has no text",
      request: () => {
        throw Object.create(null);
      },
      told: { status: "INTERNAL", message: expect.stringContaining("no text"), reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "throws a text that ends in half a character",
      request: () => {
        throw new Rollback("INVALID_ARGUMENT", "bad name 😀".slice(0, 10));
      },
      told: { status: "INVALID_ARGUMENT", message: "bad name \uFFFD", reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "throws a text longer than a header may be",
      request: () => {
        throw new Rollback("INVALID_ARGUMENT", "x".repeat(100_000));
      },
      told: { status: "INVALID_ARGUMENT", message: `${"x".repeat(1_000)}…`, reason: "SAGA_NODE_ROLLBACK" },
    },
    {
      what: "never answers",
      request: () => new Promise(() => {}),
      told: {
        status: "INTERNAL",
        message: expect.stringContaining("did not return within"),
        reason: "SAGA_NODE_FAILED",
      },
    },
    {
      what: "returns what can't be encoded",
      request: () => ({ amount: 1n }),
      told: { status: "INTERNAL", message: expect.stringContaining("BigInt"), reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "promises what can't be encoded",
      request: async () => undefined,
      told: { status: "INTERNAL", message: "node b failed: this is no message", reason: "SAGA_NODE_FAILED" },
    },
    {
      what: "reaches a todo",
      request: () => todo("amount"),
      told: { status: "UNIMPLEMENTED", message: expect.stringContaining('todo("amount")'), reason: "SAGA_NODE_TODO" },
    },
  ] as const;

  test.each(cases)("$what rolls the saga back", async ({ request, told }) => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps: { a: {}, b: { compensateOnFailure: true, node: { request } }, c: {} } });
    const { ask } = await place.start({ facades: [facade] });
    expect(await ask("s")).toEqual({ ok: false, step: "b", ...told });
    const { events } = await place.reaches("s", "compensated");
    expect(place.upstreams.paths(), "b was never sent, so there is nothing of it to undo").toEqual(["/a", "/a/undo"]);
    expect(events.find(({ kind }) => kind?.$case === "stepFailed")).toMatchObject({
      kind: { value: { failure: { beforeCall: true } } },
    });
  });

  test("returns later is awaited, and clients may join its saga meanwhile", async () => {
    const place = createPlace(scope);
    let done: ((message: unknown) => void) | undefined;
    const request = () => new Promise((resolve) => (done = resolve));
    const facade = facadeOf({ steps: { a: {}, b: { node: { request } } } });
    const { ask } = await place.start({ facades: [facade], clock: systemClock });
    const asked = [ask("s"), ask("s")];
    (await until(() => done, { what: "the node to be asked" }))({ late: 1 });
    expect(await Promise.all(asked)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(place.upstreams.callsOf("/b")[0]?.message).toEqual({ late: 1 });
  });
});

describe("a node whose compensate fails", () => {
  test("twice: it is retried, each failure is an attempt, and the request is built once", async () => {
    const place = createPlace(scope);
    let times = 0;
    const compensate = () => {
      times++;
      if (times < 3) {
        throw new Error("not yet");
      }
      return { times };
    };
    place.upstreams.plan("/b", failing("NOT_FOUND"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: { node: { compensate } }, b: {} } })] });
    await ask("s");
    await place.reaches("s", "compensated");
    expect(place.upstreams.callsOf("/a/undo").map(({ message }) => message)).toEqual([{ times: 3 }]);
  });

  test("always: STUCK, and nothing was sent", async () => {
    const place = createPlace(scope);
    const compensate = () => Promise.reject(new Error("never"));
    place.upstreams.plan("/b", failing("NOT_FOUND"));
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: { node: { compensate } }, b: {} } })] });
    await ask("s");
    await place.reaches("s", "stuck");
    expect(place.upstreams.callsOf("/a/undo")).toEqual([]);
  });
});

describe("respond that throws", () => {
  const respond = () => {
    throw new Error("no such field");
  };

  test("without a pivot: all steps are compensated", async () => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {} }, respond })] });
    const told = { status: "INTERNAL", message: "node respond failed: no such field", reason: "SAGA_RESPOND_FAILED" };
    expect(await ask("s")).toEqual({ ok: false, step: undefined, ...told });
    await place.reaches("s", "compensated");
    expect(place.upstreams.paths()).toEqual(["/a", "/a/undo"]);
  });

  test("past the pivot: COMPLETED, nothing is compensated, and each call gets the failure", async () => {
    const place = createPlace(scope);
    const facade = facadeOf({ steps: { a: {}, p: { kind: "pivot" } }, respond });
    const { ask } = await place.start({ facades: [facade] });
    const told = { ok: false, status: "INTERNAL", reason: "SAGA_RESPOND_FAILED", step: undefined };
    expect(await ask("s")).toMatchObject(told);
    expect(place.saga("s")).toMatchObject({ phase: "completed", answered: true });
    expect(await ask("s")).toMatchObject(told);
    expect(place.upstreams.paths()).toEqual(["/a", "/p"]);
  });
});

test("an answer that can't be decoded counts as lost: the step is compensated, with nothing received", async () => {
  const place = createPlace(scope);
  const garbage = { ok: true, body: new Uint8Array([0xff, 0x7b]) } as const;
  place.upstreams.plan("/b", garbage, garbage, garbage);
  const { ask } = await place.start({ facades: [facadeOf({ steps: { a: {}, b: {}, c: {} } })] });
  expect(await ask("s")).toMatchObject({ ok: false, status: "INTERNAL", reason: "SAGA_STEP_FAILED", step: "b" });
  await place.reaches("s", "compensated");
  expect(place.upstreams.paths()).toEqual(["/a", "/b", "/b", "/b", "/b/undo", "/a/undo"]);
});
