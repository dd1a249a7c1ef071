import { join } from "node:path";
import type { Broker } from "../../../runtime/broker/broker.js";
import { createEmbeddedBroker } from "../../../runtime/broker/embedded.js";
import { type StatusName, statusName } from "../../../runtime/core/status.js";
import { Changes } from "../../../runtime/engine/changes.js";
import { Engine, type EngineOptions } from "../../../runtime/engine/engine.js";
import type { Clock, Log } from "../../../runtime/engine/ports.js";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import type { Answer, Journal, Message } from "../../../runtime/journal/journal.js";
import { openSqliteJournal } from "../../../runtime/journal/sqlite/journal.js";
import type { Scope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { hastyClock } from "./clocks.js";
import { fromBytes, toBytes } from "./codec.js";
import { readSaga, type SeenSaga } from "./journal-file.js";
import { createUpstreamStub, type UpstreamStub } from "./upstream-stub.js";

/** What a client got. */
export type Told =
  | { readonly ok: true; readonly response: unknown }
  | {
      readonly ok: false;
      readonly status: StatusName;
      readonly message: string;
      readonly reason: string;
      readonly step: string | undefined;
    };

/** A client's call. */
export interface Ask {
  readonly request?: unknown;
  /** The request's bytes, where they matter. */
  readonly bytes?: Uint8Array;
  readonly deadlineAtMs?: number;
  /** The first one by default. */
  readonly facade?: FacadeDefinition;
}

/** How an engine differs from the usual one. */
export interface EngineSpec
  extends Partial<Pick<EngineOptions, "limits" | "concurrencyOf" | "completion" | "retentionMs">> {
  readonly facades: readonly FacadeDefinition[];
  readonly clock?: Clock;
  readonly upstreams?: UpstreamStub;
  /** How long a message's body the broker carries, bytes. */
  readonly maxBodyBytes?: number;
  /** Whether each step is asked for by a message, as if the broker stored messages: there are no slots then. */
  readonly byMessage?: boolean;
  /** Puts something between the engine and its journal. */
  readonly wrap?: (journal: Journal) => Journal;
}

/** An engine that runs on the place's journal. */
export interface RunningEngine {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly broker: Broker;
  /** The messages that were published. */
  readonly seen: readonly Message[];
  ask(sagaId: string, ask?: Ask): Promise<Told>;
  /** As a crash does: what runs is left as it is. */
  stop(): Promise<void>;
}

/** A journal file, upstreams, and the engines that use them one after the other. */
export interface Place {
  readonly upstreams: UpstreamStub;
  start(spec: EngineSpec): Promise<RunningEngine>;
  /** What the journal's file says of a saga. */
  saga(id: string): SeenSaga | undefined;
  /** Waits until the journal's file has the saga in a phase. */
  reaches(id: string, phase: string): Promise<SeenSaga>;
  /** What the engines said, in warnings and errors. */
  readonly said: readonly string[];
  /** What each of these was about. */
  readonly told: readonly object[];
}

/** Makes a place with a journal of its own; everything ends with the test. */
export function createPlace(scope: Scope): Place {
  const file = join(scope.tempDir(), "journal.db");
  const upstreams = createUpstreamStub();
  const said: string[] = [];
  const told: object[] = [];
  const note = (about: object, message: string) => {
    told.push(about);
    said.push(message);
  };
  const log: Log = { debug() {}, info() {}, warn: note, error: note };
  return {
    upstreams,
    said,
    told,
    saga: (id) => readSaga(file, id),
    reaches: (id, phase) =>
      until(
        () => {
          const saga = readSaga(file, id);
          return saga?.phase === phase && saga;
        },
        { what: `saga ${id} to be ${phase}` },
      ).catch((error: Error) => {
        throw new Error(`${error.message}; it has ${readSaga(file, id)?.story.join(", ")}`);
      }),
    async start({
      facades,
      clock = hastyClock,
      upstreams: own = upstreams,
      maxBodyBytes,
      byMessage = false,
      wrap = same,
      ...more
    }) {
      const journal = openSqliteJournal(file, { now: clock.now });
      const wrapped = wrap(journal);
      const observer = {
        failed: (error: unknown) => said.push(`broker: ${String(error)}`),
        lag() {},
        deadLettered() {},
      };
      const embedded = createEmbeddedBroker(journal.messages, observer, { redeliveryDelayMs: 5 });
      const { slots, ...withoutSlots } = embedded;
      const seen: Message[] = [];
      const broker: Broker = {
        ...(byMessage ? withoutSlots : embedded),
        ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
        publish(messages) {
          seen.push(...messages);
          return embedded.publish(messages);
        },
      };
      const engine = new Engine({
        facades,
        journal: wrapped,
        broker,
        upstreams: own,
        clock,
        log,
        changes: new Changes(journal),
        limits: { async: 1_000, throttled: 1_000 },
        concurrencyOf: () => 64,
        ...more,
      });
      let stopped: Promise<void> | undefined;
      const stop = () => {
        stopped ??= engine.stop().then(() => journal.close());
        return stopped;
      };
      scope.defer(stop);
      await engine.start();
      return { engine, journal, broker, seen, stop, ask: (id, ask = {}) => askEngine(engine, facades[0], id, ask) };
    },
  };
}

function same(journal: Journal): Journal {
  return journal;
}

async function askEngine(engine: Engine, first: FacadeDefinition | undefined, sagaId: string, ask: Ask): Promise<Told> {
  const facade = ask.facade ?? first;
  if (facade === undefined) {
    throw new Error("no facade to ask for");
  }
  const request = ask.bytes ?? toBytes(ask.request ?? {});
  const { deadlineAtMs } = ask;
  return toldBy(
    await engine.run(facade, { sagaId, request, message: fromBytes(request), deadlineAtMs, traceparent: "trace" }),
  );
}

function toldBy(answer: Answer): Told {
  if (answer.ok) {
    return { ok: true, response: fromBytes(answer.response) };
  }
  const { code, message, reason } = answer.failure;
  return { ok: false, status: statusName(code), message, reason, step: answer.step };
}
