import { connect, constants } from "node:http2";
import { join } from "node:path";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import type { SagaEvent } from "../../runtime/core/event.js";
import { Status } from "../../runtime/core/status.js";
import { Changes } from "../../runtime/engine/changes.js";
import { sagaService } from "../../runtime/grpc/saga-service.js";
import type { Journal, StoredPhase, StoredSaga } from "../../runtime/journal/journal.js";
import { encodeRecord } from "../../runtime/journal/record.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { SagaServiceService, SagaState } from "../../runtime/pb/saga/v1/service.js";
import { events } from "../core/saga.js";
import { facadeOf } from "../engine/support/facade.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { connectSagaClient } from "./support/saga-client.js";

const scope = createScope();
const often = { maxAttempts: 1_000, initialBackoffMs: 1, maxBackoffMs: 1, multiplier: 1 };
const facade = facadeOf({ steps: { a: { retry: often } } });
const log = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * The service on a socket and a journal that the test writes to, as an engine or another process would; loads can be
 * held, and are counted.
 */
async function startService() {
  const journal = scope.use(openSqliteJournal(join(scope.tempDir(), "journal.db")));
  const hub = new Changes(journal);
  const seen = { subscribed: 0, loads: 0, loading: 0, mostLoading: 0 };
  const changes: Pick<Changes, "subscribe"> = {
    subscribe(sagaId, listener) {
      seen.subscribed++;
      const end = hub.subscribe(sagaId, listener);
      return () => {
        seen.subscribed--;
        end();
      };
    },
  };
  let gate: Promise<void> | undefined;
  const load: Journal["load"] = async (sagaId): Promise<StoredSaga | undefined> => {
    seen.loads++;
    seen.mostLoading = Math.max(seen.mostLoading, ++seen.loading);
    const stored = await journal.load(sagaId);
    await gate;
    seen.loading--;
    return stored;
  };
  const service = sagaService({
    source: () => ({ journal: { load }, byName: new Map([[facade.name, facade]]), changes }),
    log,
    authorize: undefined,
  });
  const server = new Server();
  service.addToServer(server);
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) => (error === null ? resolve(bound) : reject(error));
    server.bindAsync("localhost:0", ServerCredentials.createInsecure(), done);
  });
  scope.defer(() => server.forceShutdown());

  let seq = 0;
  async function write(happened: readonly SagaEvent[], phase: StoredPhase = "open"): Promise<void> {
    const record = encodeRecord(
      Date.now(),
      happened.map((event) => ({ event })),
    );
    const entry = { sagaId: "s", seq: seq++, record, phase, messages: [] };
    const { name, fingerprint } = facade;
    await (entry.seq === 0
      ? journal.create({ ...entry, facade: name, fingerprint, request: new Uint8Array() })
      : journal.append(entry));
  }

  return {
    url: `http://localhost:${port}`,
    sagas: connectSagaClient(scope, `localhost:${port}`),
    seen,
    write,
    changed: () => hub.changed("s"),
    /** Has loads wait with what they have read. @returns what lets them go */
    holdLoads(): () => void {
      let letGo = () => {};
      gate = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      return () => {
        gate = undefined;
        letGo();
      };
    },
  };
}

const begun: readonly SagaEvent[] = [events.started, events.called(0)];
const done: readonly SagaEvent[] = [events.succeeded(0), events.responded];

describe("a watch", () => {
  test("learns of each change, and loads nothing before that", async () => {
    const service = await startService();
    await service.write(begun);
    const { states, over } = service.sagas.watch("s");
    await until(() => states.length === 1);
    expect(service.seen.loads).toBe(1);
    service.changed();
    await until(() => service.seen.loads === 2);
    await service.write([events.failed(0, "UNAVAILABLE")]);
    service.changed();
    await until(() => states.length === 2);
    expect(states[1]?.steps[0]?.failure, "what changed nothing was not sent").toMatchObject({
      code: status.UNAVAILABLE,
    });
    await service.write([events.called(0, 2), ...done], "completed");
    expect(service.seen.loads).toBe(3);
    service.changed();
    expect(await over).toMatchObject({ code: status.OK });
    expect(states.at(-1)?.state).toBe(SagaState.SAGA_STATE_COMPLETED);
    expect(service.seen).toMatchObject({ loads: 4, subscribed: 0 });
  });

  test("misses nothing that happens while it loads, and loads once for all of it", async () => {
    const service = await startService();
    await service.write(begun);
    const letGo = service.holdLoads();
    const { states, over } = service.sagas.watch("s");
    await until(() => service.seen.loads === 1);
    for (let attempt = 2; attempt < 20; attempt++) {
      await service.write([events.failed(0, "UNAVAILABLE"), events.called(0, attempt)]);
      service.changed();
    }
    await service.write(done, "completed");
    service.changed();
    expect(service.seen).toMatchObject({ loads: 1, subscribed: 1 });
    letGo();
    expect(await over).toMatchObject({ code: status.OK });
    expect(states.map(({ state, steps }) => [state, steps[0]?.attempts])).toEqual([
      [SagaState.SAGA_STATE_RUNNING, 1],
      [SagaState.SAGA_STATE_COMPLETED, 19],
    ]);
    expect(service.seen).toMatchObject({ loads: 2, mostLoading: 1 });
  });

  test("gives a slow client the newest state only", async () => {
    const service = await startService();
    await service.write(begun);
    const { states, stream, over } = service.sagas.watch("s");
    await until(() => states.length === 1);
    stream.pause();
    const message = "x".repeat(20_000);
    const failure = { code: Status.UNAVAILABLE, message, reason: "SAGA_STEP_FAILED", beforeCall: false };
    const changes = 200;
    for (let attempt = 2; attempt < changes; attempt++) {
      await service.write([{ kind: "step-failed", step: 0, failure }, events.called(0, attempt)]);
      service.changed();
      // Otherwise all of them would be one burst.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await service.write(done, "completed");
    service.changed();
    const loads = service.seen.loads;
    expect(loads, "it was notified more than once").toBeGreaterThan(3);
    expect(loads, "what the connection can't take is not even loaded").toBeLessThan(changes / 2);
    stream.resume();
    expect(await over).toMatchObject({ code: status.OK });
    expect(states.at(-1)).toMatchObject({ state: SagaState.SAGA_STATE_COMPLETED, steps: [{ attempts: changes - 1 }] });
    expect(service.seen.loads, "one more after the one that was in flight").toBeLessThanOrEqual(loads + 2);
    expect(states.length).toBeLessThanOrEqual(service.seen.loads);
  });

  test.each(["waiting", "loading"])("is forgotten when the client hangs up while it is %s", async (when) => {
    const service = await startService();
    await service.write(begun);
    const letGo = when === "loading" ? service.holdLoads() : () => {};
    const { states, stream, over } = service.sagas.watch("s");
    await until(() => (when === "loading" ? service.seen.loads === 1 : states.length === 1));
    expect(service.seen.subscribed).toBe(1);
    stream.cancel();
    expect(await over).toMatchObject({ code: status.CANCELLED });
    letGo();
    await until(() => service.seen.subscribed === 0);
    service.changed();
    expect(service.seen.loads).toBe(1);
  });

  test.each(["hangs up", "is gone"])("is forgotten when a client that takes nothing %s", async (how) => {
    const service = await startService();
    await service.write(begun);
    const session = connect(service.url);
    scope.defer(() => session.destroy());
    const headers = { te: "trailers", "content-type": "application/grpc" };
    const stream = session.request({ ":method": "POST", ":path": SagaServiceService.watchSaga.path, ...headers });
    stream.on("error", () => {});
    const request = SagaServiceService.watchSaga.requestSerialize({ requestId: "s" });
    stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, request.length]), request]));
    await until(() => service.seen.loads === 1);
    const failure = { code: 14, message: "x".repeat(100_000), reason: "SAGA_STEP_FAILED", beforeCall: false };
    for (let attempt = 2; attempt < 10; attempt++) {
      await service.write([{ kind: "step-failed", step: 0, failure }, events.called(0, attempt)]);
      service.changed();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { loads } = service.seen;
    expect(loads, "something could not be written").toBeLessThan(9);
    how === "hangs up" ? stream.close(constants.NGHTTP2_CANCEL) : session.destroy();
    await until(() => service.seen.subscribed === 0);
    expect(service.seen.loads).toBe(loads);
  });
});
