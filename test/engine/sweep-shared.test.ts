import { expect, test } from "vitest";
import { Changes } from "../../runtime/engine/changes.js";
import { Engine } from "../../runtime/engine/engine.js";
import type { Log } from "../../runtime/engine/ports.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { hastyClock } from "./support/clocks.js";
import { fromBytes, toBytes } from "./support/codec.js";
import { facadeOf } from "./support/facade.js";
import { createScattering } from "./support/scattering-broker.js";
import { createUpstreamStub, failing, ok } from "./support/upstream-stub.js";

describePostgres("engines that share a journal", () => {
  const scope = createScope();

  async function place(facades: readonly FacadeDefinition[], leaseMs = 60_000) {
    const count = 3;
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    const topics = createScattering(Math.random);
    const upstreams = createUpstreamStub();
    const said: string[] = [];
    const note = (about: object, message: string) => said.push(`${message} ${JSON.stringify(about)}`);
    const log: Log = { debug() {}, info() {}, warn: note, error: note };
    const engines: Engine[] = [];
    const goes: (() => Promise<void>)[] = [];
    for (let n = 0; n < count; n++) {
      const journal = scope.use(await openPostgresJournal({ url, schema, podId: `pod-${n}`, leaseMs }));
      const changes = new Changes(journal);
      const engine = new Engine({
        facades,
        journal,
        broker: topics.member(),
        upstreams,
        clock: hastyClock,
        log,
        changes,
        limits: { async: 10_000, throttled: 10_000 },
        concurrencyOf: () => 64,
        completion: { topic: "done" },
      });
      await engine.start();
      const go = async () => {
        await engine.stop();
        await journal.close(); // Or its lease went on, and nobody took over what it was about to call.
      };
      scope.defer(go);
      engines.push(engine);
      goes.push(go);
    }
    const ask = async (at: number, facade: FacadeDefinition, sagaId: string, request: object = {}) => {
      const call = {
        sagaId,
        request: toBytes(request),
        message: request,
        deadlineAtMs: undefined,
        traceparent: "trace",
      };
      const answer = await engines[at % count]?.run(facade, call);
      return answer?.ok ? fromBytes(answer.response) : answer?.failure.message;
    };
    const open = async () => {
      const [row] = await runSql<{ open: string }>(
        url,
        `SELECT count(*) AS open FROM "${schema}".saga WHERE phase IN ('open', 'stuck')`,
      );
      return Number(row?.open);
    };
    return { topics, upstreams, said, ask, open, goes };
  }

  const parallel = { a: { group: 0 }, b: { group: 0 }, c: { group: 1 } };
  const throttled = facadeOf({ steps: parallel, mode: "throttled", recovery: "carry-on" });

  test("refuse another request with the id of a saga, and not the clients that wait for that saga", async () => {
    const sync = facadeOf({ steps: parallel });
    const { ask, upstreams } = await place([sync]);
    const held = upstreams.hold("/a");
    const first = ask(0, sync, "s", { wish: 1 });
    await held.arrived;
    const joins = ask(1, sync, "s", { wish: 1 });
    joins.catch(() => {});
    const other = ask(1, sync, "s", { wish: 2 });
    await expect(other).rejects.toMatchObject({ code: "SAGA_REQUEST_ID_TAKEN" });
    held.answer(ok({ from: "/a" }));
    expect(await joins).toEqual(await first);
  });

  test("accept one of two requests that have one id, on whichever servers and however often they arrive", async () => {
    const { ask } = await place([throttled]);
    const outcome = (at: number, id: string, wish: number) =>
      ask(at, throttled, id, { wish }).then(
        () => `${wish} taken in`,
        ({ code }) => `${wish} ${code}`,
      );
    const refused = (wish: number) => [`${wish} SAGA_REQUEST_ID_TAKEN`, `${3 - wish} taken in`].sort();
    const asked = Array.from({ length: 60 }, async (_, n) => {
      const calls = [0, 1, 2, 0, 1, 2, 1, 0].map((at, turn) => outcome(at + n, `s${n}`, (turn % 2) + 1));
      return [...new Set(await Promise.all(calls))].sort();
    });
    for (const told of await Promise.all(asked)) expect([refused(1), refused(2)].map(String)).toContain(String(told));
  });

  test.each([throttled, facadeOf({ steps: parallel })])(
    "run each $mode saga to its end, whichever of them gets its messages, and answer their own clients",
    async (facade) => {
      const { topics, upstreams, ask, open, said } = await place([facade]);
      // Answers that take their time, so that two engines hold one saga at the same time.
      for (const path of ["/a", "/b", "/c", "/a/undo", "/b/undo"]) {
        upstreams.always(path, async ({ sagaId }) => {
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
          return path === "/c" && Number(sagaId.slice(1)) % 4 === 0
            ? failing("OUT_OF_RANGE", "no")
            : ok({ from: path });
        });
      }
      const ids = Array.from({ length: 120 }, (_, n) => `s${n}`);
      const answers = await Promise.all(ids.map((id, n) => ask(n, facade, id)));
      const good = { a: { from: "/a" }, b: { from: "/b" }, c: { from: "/c" } };
      expect(answers).toEqual(ids.map((_, n) => (n % 4 === 0 ? "no" : good)));
      await until(async () => (await open()) === 0, { what: "all sagas to end" });
      expect(await Promise.all(ids.map((id, n) => ask(n + 1, facade, id)))).toEqual(answers);
      expect(topics.deliveries, "messages went about").toBeGreaterThan(facade.mode === "sync" ? 30 : ids.length * 3);
      expect(said.filter((text) => text.includes("suspended") || text.includes("parked"))).toEqual([]);
      await until(() => topics.keysOn("done").length >= ids.length, { what: "all ends to be published" });
      expect([...topics.keysOn("done")].sort(), "each end is published once").toEqual([...ids].sort());
      for (const id of ids) {
        // A server that gets a message of a saga that another one runs takes it over, and repeats its calls in flight.
        const paths = [...new Set(upstreams.calls.filter(({ sagaId }) => sagaId === id).map(({ path }) => path))];
        const undone = Number(id.slice(1)) % 4 === 0 ? ["/a/undo", "/b/undo"] : [];
        expect(paths.sort(), `${id}: each call leaves`).toEqual([
          "/a",
          ...undone.slice(0, 1),
          "/b",
          ...undone.slice(1),
          "/c",
        ]);
      }
    },
  );

  test("end each saga although one of them stops in the middle, and nodes and retries take time", async () => {
    const patient = { maxAttempts: 5, initialBackoffMs: 5, maxBackoffMs: 5, multiplier: 1 };
    const slow = async (context: { request: unknown }) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      return context.request;
    };
    const step = { timeoutMs: 200, retry: patient, undo: { timeoutMs: 200 }, node: { request: slow } };
    const facade = facadeOf({
      steps: { a: { group: 0, ...step }, b: { group: 0, ...step }, c: { group: 1, ...step } },
      mode: "async",
      recovery: "carry-on",
      respond: () => ({}),
    });
    const { upstreams, ask, open, goes } = await place([facade], 300);
    for (const path of ["/a", "/b", "/c"]) {
      upstreams.always(path, async () => {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
        return Math.random() < 0.2 ? failing("UNAVAILABLE") : ok({});
      });
    }
    const ids = Array.from({ length: 150 }, (_, n) => `s${n}`);
    await Promise.all(ids.map((id, n) => ask(n, facade, id)));
    await goes[0]?.();
    await until(async () => (await open()) === 0, { what: "all sagas to end" });
  });

  test("begin a saga once, on whichever servers and however often it is called", async () => {
    const { upstreams, ask, open } = await place([throttled]);
    const ids = Array.from({ length: 20 }, (_, n) => `s${n}`);
    const answers = await Promise.all(ids.flatMap((id) => [0, 1, 2].map((at) => ask(at, throttled, id))));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await until(async () => (await open()) === 0, { what: "all sagas to end" });
    expect(upstreams.callsOf("/c")).toHaveLength(ids.length);
  });
});
