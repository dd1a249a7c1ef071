import { type BarrierContext, createBarrier, Refusal, removeBarriers, Status } from "protosaga/upstream";
import { describe, expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { createCaller, summary } from "./support/caller.js";
import type { OpenPlace } from "./support/place.js";

const throwing = (error: unknown) => () => {
  throw error;
};

/** What every driver does, whatever its database. */
export function describeBarrier<Tx>(openPlace: OpenPlace<Tx>): void {
  const scope = createScope();

  async function open() {
    const place = await openPlace(scope);
    return { place, ...createCaller(place) };
  }

  describe("a repeat", () => {
    test("gets the first call's bytes, and has no second effect", async () => {
      const { place, act } = await open();
      const first = await act("a/s");
      expect(summary(first)).toBe("OK run 1");
      expect(await act("a/s")).toEqual(first);
      expect(await act("b/s").then(summary)).toBe("OK run 2");
      expect(await place.effects()).toEqual([
        { key: "a/s", kind: "do" },
        { key: "b/s", kind: "do" },
      ]);
    });

    test("of a refusal gets its status, message and details, even if the handler would succeed now", async () => {
      const { place, act } = await open();
      const details = new Uint8Array([8, 9, 0, 255]);
      const refused = await act("a/s", {
        after: throwing(new Refusal("FAILED_PRECONDITION", "sold out", { details })),
      });
      expect(refused).toMatchObject({ ok: false, code: Status.FAILED_PRECONDITION, message: "sold out" });
      const again = await act("a/s");
      expect(again).toMatchObject({ ok: false, code: Status.FAILED_PRECONDITION, message: "sold out" });
      expect(!again.ok && Buffer.from(again.details)).toEqual(Buffer.from(details));
      expect(await place.effects(), "what it wrote before it refused is gone").toEqual([]);
    });

    test("of a refused retriable call runs again, and takes effect once", async () => {
      const { place, act } = await open();
      const sold = throwing(new Refusal("FAILED_PRECONDITION", "sold out"));
      const refused = await act("a/s", { retriable: true, after: sold });
      expect(refused).toMatchObject({ ok: false, code: Status.FAILED_PRECONDITION, message: "sold out" });
      expect(await place.effects(), "what it wrote before it refused is gone").toEqual([]);
      const done = await act("a/s", { retriable: true });
      expect(summary(done)).toBe("OK run 2");
      expect(await act("a/s", { retriable: true, after: sold })).toEqual(done);
      expect(await place.effects()).toEqual([{ key: "a/s", kind: "do" }]);
    });

    test("of an empty response gets an empty one", async () => {
      const { place } = await open();
      const call = { key: "a/s", method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;
      const answer = await place.barrier.call(call, () => new Uint8Array());
      expect(answer.ok && answer.response.length).toBe(0);
      const again = await place.barrier.call(call, () => Buffer.from("other"));
      expect(again.ok && again.response.length).toBe(0);
    });

    test("many at once have one effect and one answer", async () => {
      const { place, act, runs } = await open();
      const answers = await Promise.all(Array.from({ length: 12 }, () => act("a/s")));
      expect(new Set(answers.map(summary))).toEqual(new Set([`OK run ${runs()}`]));
      expect(await place.effects()).toEqual([{ key: "a/s", kind: "do" }]);
    });

    test("with another method or other bytes is rejected, and changes nothing", async () => {
      const { place, act, undo } = await open();
      const first = await act("a/s");
      const taken = { ok: false, code: Status.ALREADY_EXISTS };
      expect(await act("a/s", { request: "other" })).toMatchObject(taken);
      expect(await act("a/s", { method: "/s/other" })).toMatchObject(taken);
      await undo("a/s");
      expect(await undo("a/s", { request: "other" })).toMatchObject(taken);
      expect(await act("a/s"), "the first call's answer stays").toEqual(first);
      expect(await place.effects()).toHaveLength(2);
    });
  });

  describe("a handler that fails", () => {
    test.each([
      ["a bug", new Error("bug"), undefined],
      ["a refusal with an unknown outcome", new Refusal("UNAVAILABLE", "later"), Status.UNAVAILABLE],
    ])("by %s stores nothing, and a repeat runs again", async (_, error, code) => {
      const { place, act } = await open();
      const failing = act("a/s", { after: throwing(error) });
      if (code === undefined) await expect(failing).rejects.toBe(error);
      else expect(await failing).toMatchObject({ ok: false, code });
      expect(await place.effects()).toEqual([]);
      expect(await place.keys()).toEqual([]);
      expect(summary(await act("a/s"))).toBe("OK run 2");
    });

    test("in a statement stores nothing; if the handler catches the error, it may refuse", async () => {
      const { place } = await open();
      const call = { key: "a/s", method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;
      const breaking = (tx: Tx) => settled(() => place.breakStatement(tx));
      const refusing = (tx: Tx) => {
        const broken = breaking(tx);
        const refuse = () => {
          throw new Refusal("ALREADY_EXISTS", "taken");
        };
        return broken instanceof Promise ? broken.then(refuse) : refuse();
      };
      expect(await place.barrier.call(call, refusing)).toMatchObject({ ok: false, message: "taken" });
      expect(await place.barrier.call(call, () => Buffer.from("no"))).toMatchObject({ ok: false, message: "taken" });
      await expect(
        place.barrier.call({ ...call, key: "b/s" }, (tx) => place.breakStatement(tx) as never),
      ).rejects.toThrow();
      expect(await place.keys()).toEqual(["a/s"]);
    });

    test("of a call without a key stores nothing; a successful call takes effect each time", async () => {
      const { place } = await open();
      const call = { key: undefined, method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;
      const noting = (error?: unknown) => (tx: Tx) => {
        const wrote = place.note(tx, { key: "", kind: "do" });
        const next = () => {
          if (error !== undefined) throw error;
          return Buffer.from("done");
        };
        return wrote instanceof Promise ? wrote.then(next) : next();
      };
      expect(await place.barrier.call(call, noting(new Refusal("NOT_FOUND", "no")))).toMatchObject({ code: 5 });
      expect(await place.effects()).toEqual([]);
      await place.barrier.call(call, noting());
      await place.barrier.call(call, noting());
      expect(await place.effects()).toHaveLength(2);
      expect(await place.keys()).toEqual([]);
    });
  });

  describe("a compensation", () => {
    test("runs once, and returns the same answer when repeated; the action's answer stays", async () => {
      const { place, act, undo } = await open();
      const done = await act("x/y/s");
      const undone = await undo("x/y/s");
      expect(summary(undone)).toBe("OK run 2");
      expect(await undo("x/y/s")).toEqual(undone);
      expect(await act("x/y/s")).toEqual(done);
      expect(await place.effects()).toEqual([
        { key: "x/y/s", kind: "do" },
        { key: "x/y/s/compensate", kind: "undo" },
      ]);
    });

    test("before its action changes nothing, returns NOT_FOUND, and blocks the action, which is ABORTED", async () => {
      const { place, act, undo, runs } = await open();
      const first = await undo("a/s");
      expect(first).toMatchObject({ ok: false, code: Status.NOT_FOUND });
      const late = await act("a/s");
      expect(late).toMatchObject({ ok: false, code: Status.ABORTED });
      expect(await undo("a/s")).toEqual(first);
      expect(await act("a/s", { request: "whatever" })).toEqual(late);
      expect(runs()).toBe(0);
      expect(await place.effects()).toEqual([]);
    });

    test("of a refused action returns NOT_FOUND, unless compensateOnFailure is set", async () => {
      const { place, act, undo } = await open();
      const refuse = throwing(new Refusal("FAILED_PRECONDITION", "no"));
      const refused = await act("a/s", { after: refuse });
      await act("b/s", { after: refuse });
      expect(await undo("a/s")).toMatchObject({ ok: false, code: Status.NOT_FOUND });
      expect(await act("a/s")).toEqual(refused);
      expect(await undo("b/s", { compensateOnFailure: true })).toMatchObject({ ok: true });
      expect(await place.effects()).toEqual([{ key: "b/s/compensate", kind: "undo" }]);
    });

    test("that refuses is not stored: a later attempt takes effect", async () => {
      const { place, act, undo } = await open();
      await act("a/s");
      expect(await undo("a/s", { after: throwing(new Refusal("FAILED_PRECONDITION", "shipped")) })).toMatchObject({
        ok: false,
        message: "shipped",
      });
      expect(await place.keys()).toEqual(["a/s"]);
      expect(summary(await undo("a/s"))).toBe("OK run 3");
      expect(await place.effects()).toHaveLength(2);
    });

    test("with a taken key blocks nothing", async () => {
      const { place, act, undo } = await open();
      // Another client's call, with another scheme of keys, has the key of the compensation.
      const other = createBarrier(place.driver, { actionKeyOf: () => undefined });
      const call = { key: "a/s/compensate", method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;
      await other.call(call, () => Buffer.from("mine"));
      expect(await undo("a/s")).toMatchObject({ ok: false, code: Status.ALREADY_EXISTS });
      expect(await act("a/s")).toMatchObject({ ok: true });
    });

    test("receives its action's method and response", async () => {
      const { place } = await open();
      const request = Buffer.alloc(0);
      const contextOf = async (key: string, method: string, compensateOnFailure = false) => {
        let received: BarrierContext | undefined;
        const direction = method === "/s/undo" ? "compensation" : "action";
        await place.barrier.call({ key, method, request, direction, compensateOnFailure }, (_, context) => {
          received = context;
          if (key === "refused/s") throw new Refusal("FAILED_PRECONDITION", "no");
          return Buffer.from(`of ${key}`);
        });
        const action = received?.action && {
          ...received.action,
          response: Buffer.from(received.action.response).toString(),
        };
        return { ...received, action };
      };
      expect(await contextOf("a/s", "/s/m")).toEqual({});
      expect(await contextOf("a/s/compensate", "/s/undo")).toEqual({
        actionKey: "a/s",
        action: { method: "/s/m", response: "of a/s" },
      });
      await contextOf("refused/s", "/s/m");
      expect(await contextOf("refused/s/compensate", "/s/undo", true)).toEqual({ actionKey: "refused/s" });
      expect(await contextOf("by-hand", "/s/undo")).toEqual({});
    });

    test("whose key names no action is an effect as any other, but for its refusals", async () => {
      const { place } = await open();
      const call = { key: "by-hand", method: "/s/undo", request: Buffer.alloc(0), direction: "compensation" } as const;
      expect(summary(await place.barrier.call(call, () => Buffer.from("done")))).toBe("OK done");
      expect(summary(await place.barrier.call(call, () => Buffer.from("other")))).toBe("OK done");
    });
  });

  describe("old rows", () => {
    test("are removed in batches; young ones stay", async () => {
      const { place, act } = await open();
      for (let i = 0; i < 7; i++) await act(`old-${i}/s`);
      await place.age(60_000);
      await act("young/s");
      const batches: number[] = [];
      const counting = {
        remove: async (removal: { olderThanMs: number; limit: number }) => {
          const count = await place.driver.remove(removal);
          batches.push(count);
          return count;
        },
      };
      expect(await removeBarriers(counting, { olderThanMs: 30_000, batch: 3, pauseMs: 1 })).toBe(7);
      expect(batches).toEqual([3, 3, 1]);
      expect(await place.keys()).toEqual(["young/s"]);
      expect(summary(await act("young/s"))).toBe("OK run 8");
      expect(summary(await act("old-0/s")), "its key is new again").toBe("OK run 9");
    });

    test("stay if the removal is aborted", async () => {
      const { place, act } = await open();
      await act("a/s");
      await place.age(60_000);
      expect(await removeBarriers(place.driver, { olderThanMs: 1, signal: AbortSignal.abort() })).toBe(0);
      expect(await place.keys()).toEqual(["a/s"]);
    });
  });

  test.each(["", "k".repeat(1025)])("a key that is empty or too long is rejected", async (key) => {
    const { place, act } = await open();
    await expect(act(key)).rejects.toMatchObject({ code: "SAGA_KEY_INVALID" });
    expect(await place.keys()).toEqual([]);
  });

  test("an action with a compensation's key is rejected, and does not block the compensation", async () => {
    const { place, act, undo, runs } = await open();
    await expect(act("a/s/compensate")).rejects.toMatchObject({ code: "SAGA_KEY_INVALID" });
    expect(runs()).toBe(0);
    expect(await place.keys()).toEqual([]);
    await act("a/s");
    expect(await undo("a/s")).toMatchObject({ ok: true });
  });
}

/** Runs something and ignores its failure; synchronously if it fails synchronously. */
function settled(act: () => unknown): unknown {
  try {
    const value = act();
    return value instanceof Promise ? value.catch(() => {}) : value;
  } catch {
    return undefined;
  }
}
