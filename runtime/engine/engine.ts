import type { Broker } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import { initialState, isPastPivot } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer, Journal, StoredSaga } from "../journal/journal.js";
import { restore } from "./adopt.js";
import { type Drive, react } from "./driver.js";
import { createOperator, type Operator } from "./operator.js";
import type { Clock, Log, Upstreams } from "./ports.js";
import { reportAllStuck, reportStuck } from "./report-stuck.js";
import { readRollbackMessage } from "./rollback-message.js";
import { createRun, type Run } from "./run.js";
import { fits, isSameRequest, taken } from "./same-request.js";

/** How many rollback messages of one facade are taken in at the same time. */
const rollbackConcurrency = 64;

/** How long a saga that the journal refused waits before it is taken up again, ms. */
const readoptAfterMs = 1_000;

/** What the engine drives sagas with. */
export interface EngineOptions {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  /** Told of each saga that moved on, once that is durable. Must not throw. */
  readonly changed?: (sagaId: string) => void;
}

/** A client's call of a facade. */
export interface SagaCall {
  readonly sagaId: string;
  /** The request as the client sent it. */
  readonly request: Uint8Array;
  /** The same, decoded. */
  readonly message: unknown;
  /** ms since the Unix epoch. */
  readonly deadlineAtMs: number | undefined;
  readonly traceparent: string;
}

/** Runs sagas. */
export interface Engine {
  /**
   * Runs a sync facade's saga, joins the one that runs under this id, or finds its recorded answer.
   * @throws SagaError SAGA_REQUEST_ID_TAKEN, SAGA_DRAINING, SAGA_JOURNAL_UNAVAILABLE or SAGA_STRUCTURE_CHANGED
   */
  run(facade: FacadeDefinition, call: SagaCall): Promise<Answer>;
  /** Takes up the sagas that the last process left, and begins to handle the rollback topics. */
  start(): Promise<void>;
  /** Takes no new sagas and waits for the running ones. @returns how many were still running after `graceMs` */
  drain(graceMs: number): Promise<number>;
  /** Stops at once; what still runs is left to the next start. */
  stop(): Promise<void>;
  readonly operator: Operator;
}

/** Makes an engine. The journal, the broker and the upstreams stay the caller's to close. */
export function createEngine(options: EngineOptions): Engine {
  const { facades, journal, broker, upstreams, clock, log, changed = () => {} } = options;
  const byName = new Map(facades.map((facade) => [facade.name, facade]));
  const runs = new Map<string, Run>();
  let draining = false;
  let stopped = false;
  let idle: (() => void) | undefined;

  const drive: Drive = {
    journal,
    broker,
    upstreams,
    clock,
    log,
    changed,
    ended(run) {
      forget(run);
      if (run.state.phase === "stuck") {
        reportStuck(run, log);
      } else {
        log.debug({ saga: run.id, facade: run.facade.name }, `saga ${run.state.phase}`);
      }
    },
    abandoned(run, error) {
      forget(run);
      log.error({ saga: run.id, err: error }, "saga put aside, to be taken up again from the journal");
      refuse(run, error);
      readopt(run.id);
    },
    exists(run) {
      forget(run);
      const { waiters } = run;
      recall(run).then(
        (answer) => {
          for (const waiter of waiters) {
            waiter.resolve(answer);
          }
        },
        (error) => {
          for (const waiter of waiters) {
            waiter.reject(error);
          }
        },
      );
    },
  };

  function forget(run: Run): void {
    for (const cancel of run.timers) {
      cancel();
    }
    run.timers.clear();
    run.cancelDeadline?.();
    if (runs.get(run.id) === run) {
      runs.delete(run.id);
    }
    if (runs.size === 0) {
      idle?.();
    }
  }

  /** Tells whoever waits for the saga that this process can't say how it goes on. */
  function refuse(run: Run, error: unknown): void {
    for (const reject of run.onRefused.splice(0)) {
      reject(error);
    }
    for (const waiter of run.waiters.splice(0)) {
      waiter.reject(error);
    }
  }

  function join(run: Run, facade: FacadeDefinition, request: Uint8Array): Promise<Answer> {
    if (!fits(run, facade, request)) {
      return Promise.reject(taken(run.id));
    }
    if (run.answer !== undefined) {
      return Promise.resolve(run.answer);
    }
    return new Promise((resolve, reject) => run.waiters.push({ resolve, reject }));
  }

  /** The answer of a saga that the journal already had when this run wanted to begin it. */
  async function recall({ id, facade, requestBytes }: Run): Promise<Answer> {
    const stored = await journal.load(id);
    if (stored === undefined) {
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `saga ${id} could neither be made nor found`);
    }
    if (stored.facade !== facade.name || !isSameRequest(facade, stored.request, requestBytes)) {
      throw taken(id);
    }
    if (stored.answer !== undefined) {
      return stored.answer;
    }
    const adopted = adopt(stored);
    if (adopted === undefined) {
      throw new SagaError("SAGA_STRUCTURE_CHANGED", `saga ${id} is of another structure than ${facade.name} has now`);
    }
    return join(adopted, facade, requestBytes);
  }

  function adopt(stored: StoredSaga): Run | undefined {
    const known = runs.get(stored.sagaId);
    if (known !== undefined) {
      return known;
    }
    if (stopped) {
      throw new SagaError("SAGA_DRAINING", "the server has stopped; ask again");
    }
    const run = restore(byName.get(stored.facade), stored);
    if (typeof run === "string") {
      log.error({ saga: stored.sagaId, code: "SAGA_STRUCTURE_CHANGED" }, `saga parked: ${run}`);
      return undefined;
    }
    runs.set(run.id, run);
    react(drive, run, { kind: "recovered" });
    watchDeadline(run);
    return run;
  }

  function readopt(id: string): void {
    clock.after(readoptAfterMs, () => {
      if (!stopped && !runs.has(id)) {
        journal
          .load(id)
          .then(
            (stored) => stored?.phase === "open" && adopt(stored),
            () => readopt(id),
          )
          .catch((err) => log.error({ saga: id, err }, "saga can't be taken up again"));
      }
    });
  }

  function watchDeadline(run: Run): void {
    const { deadlineAtMs, phase } = run.state;
    if (deadlineAtMs !== undefined && phase === "running" && !isPastPivot(run.facade, run.state)) {
      const left = Math.max(0, deadlineAtMs - clock.now());
      run.cancelDeadline = clock.after(left, () => react(drive, run, { kind: "deadline-passed" }));
    }
  }

  function begin(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const { sagaId, request, deadlineAtMs, traceparent } = call;
    const run = createRun(facade, sagaId, request, initialState(facade), 0);
    run.request = { value: call.message };
    const own = facade.deadlineMs === undefined ? undefined : clock.now() + facade.deadlineMs;
    const earlier = Math.min(own ?? Number.POSITIVE_INFINITY, deadlineAtMs ?? Number.POSITIVE_INFINITY);
    runs.set(sagaId, run);
    const answer = join(run, facade, request);
    react(drive, run, { kind: "started", deadlineAtMs: Number.isFinite(earlier) ? earlier : undefined, traceparent });
    watchDeadline(run);
    return answer;
  }

  /** A draining server still tells what it has recorded. */
  async function onlyRecorded(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const stored = await journal.load(call.sagaId);
    const same = stored?.facade === facade.name && isSameRequest(facade, stored.request, call.request);
    if (stored?.answer !== undefined && same) {
      return stored.answer;
    }
    throw new SagaError("SAGA_DRAINING", "the server is shutting down; call again");
  }

  async function rollBack(facade: FacadeDefinition, body: string): Promise<void> {
    const { requestId } = readRollbackMessage(facade, body);
    const stored = runs.has(requestId) ? undefined : await journal.load(requestId);
    const run = runs.get(requestId) ?? (stored?.phase === "open" ? adopt(stored) : undefined);
    if (run?.state.phase === "rollback-queued") {
      react(drive, run, { kind: "rollback-delivered" });
    } else {
      log.debug({ saga: requestId }, "a rollback message found the journal ahead of it");
    }
  }

  function run(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const running = runs.get(call.sagaId);
    if (running === undefined) {
      return draining ? onlyRecorded(facade, call) : begin(facade, call);
    }
    if (running.creating !== undefined && !fits(running, facade, call.request)) {
      // Until the journal has it, the saga that runs is perhaps not the one that has this id.
      return running.creating.then(() => run(facade, call));
    }
    return join(running, facade, call.request);
  }

  return {
    run,

    async start() {
      for (const sagaId of await journal.list("open")) {
        try {
          const stored = await journal.load(sagaId);
          if (stored !== undefined) {
            adopt(stored);
          }
        } catch (err) {
          // One saga that can't be read must not keep all others from being carried on.
          log.error({ saga: sagaId, err }, "saga parked: the journal's record of it can't be read");
        }
      }
      await reportAllStuck(journal, byName, log);
      for (const facade of facades) {
        const concurrency = rollbackConcurrency;
        broker.subscribe(facade.topics.rollback, { concurrency }, (message) => rollBack(facade, message.body));
      }
      await broker.start();
    },

    async drain(graceMs) {
      draining = true;
      if (runs.size > 0) {
        await new Promise<void>((resolve) => {
          const cancel = clock.after(graceMs, resolve);
          idle = () => {
            cancel();
            resolve();
          };
        });
      }
      return runs.size;
    },

    async stop() {
      draining = true;
      stopped = true;
      for (const run of [...runs.values()]) {
        run.abandoned = true;
        forget(run);
        refuse(run, new SagaError("SAGA_DRAINING", "the server stopped while the saga ran; ask again"));
      }
      await broker.close();
    },

    operator: createOperator({ drive, journal, byName, runs }),
  };
}
