import type { Broker, Handler } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import { initialState } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Answer, Journal, StoredSaga } from "../journal/journal.js";
import { createAdmission, type QueueLimits } from "./admission.js";
import type { ChangeHub } from "./changes.js";
import { completionMessage } from "./completion.js";
import { deadlineOf, journalClock } from "./deadline.js";
import { type Drive, react } from "./driver.js";
import { eachStored } from "./each-stored.js";
import { createElsewhere } from "./elsewhere.js";
import { createHandOver } from "./hand-over.js";
import { createOperator, type Operator } from "./operator.js";
import { createOutbox } from "./outbox.js";
import type { Clock, Log, Upstreams } from "./ports.js";
import { createRecorded } from "./recorded.js";
import { createRecovery } from "./recovery.js";
import { reportEnd } from "./report-end.js";
import { reportParked } from "./report-parked.js";
import { reportStranded } from "./report-stranded.js";
import { reportAllStuck, reportStuck } from "./report-stuck.js";
import { createRetention } from "./retention.js";
import { createRun, type Run } from "./run.js";
import { createRuns } from "./runs.js";
import { fits } from "./same-request.js";
import { subscribe } from "./subscribe.js";
import { createSweep } from "./sweep.js";
import { failTickets } from "./ticket.js";
import { createTimers } from "./timers.js";
import { createWaiters } from "./waiters.js";

/** How long handlers may take to end once everything is stopped, ms. */
const lastHandlersMs = 3_000;

/** What the engine drives sagas with. */
export interface EngineOptions {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  readonly changes: ChangeHub;
  readonly limits: QueueLimits;
  /** How many messages of a step's topic are handled at the same time. */
  readonly concurrencyOf: (topic: string) => number;
  /** The topic that gets one message for each saga that has ended, and who handles it here, if anybody. */
  readonly completion?: { readonly topic: string; readonly handler?: Handler | undefined } | undefined;
  /** How long a saga is kept after its end, ms. Default: for ever */
  readonly retentionMs?: number | undefined;
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
   * Begins a saga, joins the one that runs under this id, or finds its recorded answer. Resolves with what the client is
   * told: for an async facade as soon as the saga is accepted, durably.
   * @throws SagaError SAGA_REQUEST_ID_TAKEN, SAGA_QUEUE_FULL, SAGA_DRAINING, SAGA_JOURNAL_UNAVAILABLE or
   *   SAGA_STRUCTURE_CHANGED
   */
  run(facade: FacadeDefinition, call: SagaCall): Promise<Answer>;
  /** Whether the saga runs here: a call under its id joins it and takes no room. */
  knows(sagaId: string): boolean;
  /** What a saga of the facade that starts now is refused with; undefined if there is room for it. */
  refusal(facade: FacadeDefinition): SagaError | undefined;
  /** Takes up the sagas that the last process left, and begins to handle the topics. */
  start(): Promise<void>;
  /**
   * Takes no new sagas and waits for those that clients wait for, and for the calls under way. What waits on topics is
   * left to the next start, or to other servers. @returns how many calls were still under way after `graceMs`
   */
  drain(graceMs: number): Promise<number>;
  /** Stops at once; what still runs is left to the next start. */
  stop(): Promise<void>;
  readonly operator: Operator;
}

/** Makes an engine. The journal, the broker and the upstreams stay the caller's to close. */
export function createEngine(options: EngineOptions): Engine {
  const { facades, journal, broker, upstreams, log, changes, completion, retentionMs } = options;
  const clock = journalClock(journal, options.clock);
  const byName = new Map(facades.map((facade) => [facade.name, facade]));
  const admission = createAdmission(options.limits, journal, clock);
  const runs = createRuns(admission);
  const timers = createTimers(clock);
  const waiters = createWaiters();
  const outbox = createOutbox(journal, broker, log);
  const elsewhere = createElsewhere({ journal, changes, runs, waiters, log, timers });
  let draining = false;
  let stopped = false;
  const handOver = createHandOver({ journal, log, isDraining: () => draining });

  const drive: Drive = {
    journal,
    broker,
    upstreams,
    clock,
    log,
    completion: (run) =>
      completion === undefined ? undefined : completionMessage(completion.topic, run, { log, broker }),
    moved(run, { answer, stored }) {
      outbox.send(stored);
      if (answer !== undefined) {
        waiters.answer(run.id, answer);
      }
      recovery.stored(run.id);
      changes.changed(run.id);
      elsewhere.release(run);
      recovery.moved();
    },
    ended(run) {
      runs.forget(run);
      if (run.state.phase === "stuck") {
        reportStuck(run, log);
      } else {
        reportEnd(run, log);
      }
    },
    abandoned(run, error) {
      runs.forget(run);
      const first = recovery.adoptLater(run.id);
      // Of a saga that did not begin its client is told; one that is refused again and again is told of once.
      const level = run.creating === undefined && first ? "error" : "debug";
      log[level]({ saga: run.id, err: error }, "saga put aside, to be taken up again from the journal");
      refuse(run, error);
      outbox.doubt(); // The entry, and the message of the saga's end with it, may be stored all the same.
    },
    overtaken(run, lost) {
      log.debug({ saga: run.id }, "another server has moved the saga on");
      const conflict = new SagaError("SAGA_JOURNAL_CONFLICT", `another server has moved saga ${run.id} on`);
      failTickets(run, conflict);
      for (const reject of run.onRefused.splice(0)) {
        reject(conflict);
      }
      void recovery.rebase(run, lost);
    },
    rested: (run) => elsewhere.release(run),
    rebased(run) {
      if (run.answer !== undefined) {
        waiters.answer(run.id, run.answer);
      }
      elsewhere.release(run);
    },
    exists(run) {
      runs.forget(run);
      failTickets(run, new SagaError("SAGA_JOURNAL_CONFLICT", `another server has begun saga ${run.id}`));
      // Others may wait here for the saga that has the id: what becomes of this run is nothing to them.
      const own = waiters.detach(run);
      recall(run).then(own.resolve, own.reject);
      if (journal.shared && waiters.has(run.id)) {
        elsewhere.follow(run.id); // While this run was there, changes were passed over.
      }
    },
  };
  const recovery = createRecovery({
    drive,
    journal,
    runs,
    byName,
    timers,
    isStopped: () => stopped,
    isDraining: () => draining,
  });
  const { join, recall, onlyRecorded } = createRecorded({
    journal,
    runs,
    waiters,
    elsewhere,
    recovery,
    isDraining: () => draining,
  });

  /** Tells whoever waits for the saga that this process can't say how it goes on. */
  function refuse(run: Run, error: unknown): void {
    for (const reject of run.onRefused.splice(0)) {
      reject(error);
    }
    failTickets(run, error);
    waiters.refuse(run.id, error, run);
  }

  function begin(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const { sagaId, request, traceparent } = call;
    const deadlineAtMs = deadlineOf(facade, call.deadlineAtMs, options.clock, clock);
    const run = createRun(facade, sagaId, request, initialState(facade), 0);
    run.request = { value: call.message };
    runs.add(run);
    admission.began(facade);
    const answer = join(run, facade, request);
    react(drive, run, { kind: "started", deadlineAtMs, traceparent });
    recovery.watchDeadline(run);
    return answer;
  }

  function run(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const running = runs.get(call.sagaId);
    if (running === undefined) {
      if (draining) {
        return onlyRecorded(facade, call, new SagaError("SAGA_DRAINING", "the server is shutting down; call again"));
      }
      const refusal = admission.refusal(facade, call.request.length);
      return refusal === undefined ? begin(facade, call) : onlyRecorded(facade, call, refusal);
    }
    if (running.creating !== undefined && !fits(running, facade, call.request)) {
      // Until the journal has it, the saga that runs is perhaps not the one that has this id.
      return running.creating.then(() => run(facade, call));
    }
    return join(running, facade, call.request);
  }

  async function recoverAll(): Promise<void> {
    const takeUp = (stored: StoredSaga) => {
      if (stored.phase === "open") {
        recovery.adoptInTurn(stored);
      }
    };
    await eachStored(journal, await journal.list("open"), log, takeUp, { unread: recovery.adoptLater });
  }

  return {
    run,

    knows: (sagaId) => runs.has(sagaId),

    // While the server drains, `run` still finds recorded answers.
    refusal: (facade) => (draining ? undefined : admission.refusal(facade, 0)),

    async start() {
      subscribe(options, { drive, journal, runs, recovery, handOver });
      const left = await journal.messages.pending();
      await journal.release(facades.map(({ fingerprint }) => fingerprint));
      await recoverAll();
      await reportParked(journal, byName, log);
      await reportAllStuck(journal, byName, log);
      reportStranded(left, facades, completion?.topic, log);
      for (const message of left) {
        outbox.send([message]);
      }
      outbox.doubt(); // What the process before this one asked of a database may arrive only now.
      await broker.start();
      createSweep({ facades, journal, recovery, runs, outbox, timers, clock, log, isStopped: () => draining }).start();
      createRetention({ journal, clock, timers, log, retentionMs }).start();
    },

    async drain(graceMs) {
      draining = true;
      let cancel = () => {};
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(graceMs, resolve);
      });
      await Promise.race([runs.settled().then(() => broker.close()), late]);
      cancel();
      return runs.all().filter(({ facade, flights }) => facade.mode !== "async" || flights.size > 0).length;
    },

    async stop() {
      draining = true;
      stopped = true;
      timers.stop();
      handOver.close();
      elsewhere.close();
      for (const sagaId of [...waiters.ids()].filter((id) => !runs.has(id))) {
        waiters.refuse(sagaId, new SagaError("SAGA_DRAINING", "the server stopped while the saga ran; ask again"));
      }
      for (const run of runs.all()) {
        run.abandoned = true;
        runs.forget(run);
        refuse(run, new SagaError("SAGA_DRAINING", "the server stopped while the saga ran; ask again"));
      }
      // Code of the user's that never answers must not keep the server from ending.
      let cancel = () => {};
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(lastHandlersMs, resolve);
      });
      await Promise.race([broker.close(), late]);
      cancel();
    },

    operator: createOperator({ drive, journal, byName, runs }),
  };
}
