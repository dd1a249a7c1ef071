import type { Broker } from "../../broker/broker.js";
import { Changes } from "../../engine/changes.js";
import { Engine, type EngineOptions } from "../../engine/engine.js";
import type { Log, Upstreams } from "../../engine/ports.js";
import type { FacadeDefinition } from "../../facade/definition.js";
import type { Answer, Journal } from "../../journal/journal.js";
import type { Process } from "./process.js";

/** What a pod runs with. */
export interface PodOptions
  extends Partial<Pick<EngineOptions, "limits" | "concurrencyOf" | "completion" | "changes" | "log">> {
  readonly process: Process;
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
}

/** A client's call. */
export interface Ask {
  readonly sagaId: string;
  /** The facade's request, as a message of its codec. */
  readonly request: unknown;
  /** What the client's deadline is, by the pod's clock, ms since the Unix epoch. */
  readonly deadlineAtMs?: number | undefined;
}

/** A call in flight. */
export interface Asked {
  /** What the client got; undefined until then, and for ever if the pod died. */
  readonly answer: Answer | undefined;
  /** What the call was refused with, by a pod that can't say how the saga ends. */
  readonly error: unknown;
  /** Settles when either is there. Never rejects. */
  readonly settled: Promise<void>;
}

/** A real engine in a simulated process. */
export interface Pod {
  readonly process: Process;
  readonly engine: Engine;
  /** Why it could not start: where the journal could not be read. */
  readonly startError: unknown;
  /** Whether it has recovered its sagas, and takes calls. */
  readonly ready: boolean;
  /** Settles when it is ready, or can't start. Never rejects. */
  readonly started: Promise<void>;
  ask(facade: FacadeDefinition, ask: Ask): Asked;
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Starts an engine in a process. It takes calls once its start has come through, which takes virtual time. */
export function startPod(options: PodOptions): Pod {
  const { process, facades, journal, broker, upstreams } = options;
  const engine = new Engine({
    facades,
    journal,
    broker,
    upstreams,
    clock: process.clock,
    log: options.log ?? silent,
    changes: options.changes ?? new Changes(journal),
    limits: options.limits ?? { async: 1_000, throttled: 1_000 },
    concurrencyOf: options.concurrencyOf ?? (() => 16),
    completion: options.completion,
  });
  const state: { ready: boolean; startError: unknown } = { ready: false, startError: undefined };
  const started = engine.start().then(
    () => {
      state.ready = true;
    },
    (error) => {
      state.startError = error;
    },
  );
  return {
    process,
    engine,
    started,
    get ready() {
      return state.ready;
    },
    get startError() {
      return state.startError;
    },
    ask(facade, { sagaId, request, deadlineAtMs }) {
      const told: { answer: Answer | undefined; error: unknown } = { answer: undefined, error: undefined };
      const call = {
        sagaId,
        request: facade.request.encode(request).finish(),
        message: request,
        deadlineAtMs,
        traceparent: `00-${"0".repeat(31)}1-${"0".repeat(15)}1-01`,
      };
      const settled = engine.run(facade, call).then(
        (answer) => {
          told.answer = process.alive ? answer : undefined;
        },
        (error) => {
          told.error = process.alive ? error : undefined;
        },
      );
      return {
        settled,
        get answer() {
          return told.answer;
        },
        get error() {
          return told.error;
        },
      };
    },
  };
}
