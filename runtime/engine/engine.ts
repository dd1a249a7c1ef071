import type { Broker, Handler } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import { initialState } from "../core/state.js";
import type { FacadeDefinition } from "../facade/definition.js";
import { type Answer, isShared, type Journal } from "../journal/journal.js";
import { Admission, type QueueLimits } from "./admission.js";
import { Answers, type SagaCall } from "./answers.js";
import type { Changes } from "./changes.js";
import { Delivery, HandOvers } from "./deliveries.js";
import { Executions } from "./executions.js";
import { completionMessage } from "./messages.js";
import { Operator } from "./operator.js";
import { Outbox } from "./outbox.js";
import { type Clock, type Log, type SagaHooks, Timers, type Upstreams } from "./ports.js";
import { Recovery, serverStopped } from "./recovery.js";
import { reportEnd, reportUnfinished, reportUnknownTopics } from "./reports.js";
import { Retention } from "./retention.js";
import { type ExecutionHost, type Release, SagaExecution } from "./saga-execution.js";
import { SagaValues } from "./saga-values.js";
import { Sweep } from "./sweep.js";
import { rollback } from "./turn.js";

/** How many sagas of one facade are compensated at the same time. */
const rollbackConcurrency = 64;

/**
 * How long handlers may take to end once everything is stopped, ms: a user's code that never returns must not keep the
 * server.
 */
const lastHandlersMs = 3_000;

/** What the engine runs sagas with. */
export interface EngineOptions {
  readonly facades: readonly FacadeDefinition[];
  readonly journal: Journal;
  readonly broker: Broker;
  readonly upstreams: Upstreams;
  readonly clock: Clock;
  readonly log: Log;
  readonly changes: Changes;
  readonly limits: QueueLimits;
  /** How many messages of a step's topic are handled at the same time. */
  readonly concurrencyOf: (topic: string) => number;
  /** The topic that gets one message for each saga that has ended, and who handles it here, if anybody. */
  readonly completion?: { readonly topic: string; readonly handler?: Handler | undefined } | undefined;
  /** How long a saga is kept after its end, ms. Default: for ever */
  readonly retentionMs?: number | undefined;
  /** Must not throw. */
  readonly hooks?: SagaHooks | undefined;
}

/** Runs sagas. The journal, the broker and the upstreams stay the caller's to close. */
export class Engine {
  readonly operator: Operator;
  readonly #options: EngineOptions;
  /** The journal's time: the clocks of servers may differ, and deadlines are kept by one. */
  readonly #clock: Clock;
  readonly #byName: ReadonlyMap<string, FacadeDefinition>;
  readonly #admission: Admission;
  readonly #executions: Executions;
  readonly #timers: Timers;
  readonly #outbox: Outbox;
  readonly #recovery: Recovery;
  readonly #answers: Answers;
  readonly #handOvers: HandOvers;
  readonly #host: ExecutionHost;
  #draining = false;
  #stopped = false;

  constructor(options: EngineOptions) {
    const { journal, broker, upstreams, log, changes, clock, completion } = options;
    const isDraining = () => this.#draining;
    this.#options = options;
    this.#clock = journalClock(journal, clock);
    this.#byName = new Map(options.facades.map((facade) => [facade.name, facade]));
    this.#admission = new Admission(options.limits, journal, this.#clock);
    this.#executions = new Executions(this.#admission);
    this.#timers = new Timers(this.#clock);
    this.#outbox = new Outbox(journal, broker, log);
    this.#handOvers = new HandOvers(journal, log, isDraining);
    this.#host = {
      journal,
      broker,
      upstreams,
      log,
      hooks: options.hooks,
      clock: this.#clock,
      releasesWaiting: journal.shared && broker.slots === undefined,
      completion: (values, state) =>
        completion === undefined ? undefined : completionMessage({ broker, log }, completion.topic, values, state),
      stored: (execution, messages) => {
        if (messages.length > 0) {
          this.#outbox.send(messages);
        }
        this.#recovery.stored(execution.id);
        changes.changed(execution.id);
      },
      watch: ({ id }) => (isShared(journal) ? journal.watch(id, () => this.#recovery.reloadIfBehind(id)) : () => {}),
      released: (execution, release) => this.#released(execution, release),
      settled: (execution) => this.#executions.settled(execution),
    };
    this.#recovery = new Recovery({
      host: this.#host,
      journal,
      executions: this.#executions,
      byName: this.#byName,
      timers: this.#timers,
      isDraining,
      isStopped: () => this.#stopped,
    });
    this.#answers = new Answers({ journal, recovery: this.#recovery, changes, timers: this.#timers, log });
    this.operator = new Operator(this.#recovery);
  }

  /**
   * Begins a saga, joins the one that runs under this id, or finds its recorded answer. Resolves with the answer for
   * the client; an async facade's as soon as the saga is durably accepted.
   * @throws SagaError SAGA_REQUEST_ID_TAKEN, SAGA_QUEUE_FULL, SAGA_DRAINING, SAGA_JOURNAL_UNAVAILABLE or
   *   SAGA_STRUCTURE_CHANGED
   */
  async run(facade: FacadeDefinition, call: SagaCall): Promise<Answer> {
    const running = this.#executions.live(call.sagaId);
    if (running !== undefined) {
      // mutation: join-after-first-entry
      if (running.seq === 0) {
        await running.change(); // Until the journal has it, it is perhaps not the saga of this id.
        return this.run(facade, call);
      }
      return this.#answers.join(running, facade, call);
    }
    const refusal = this.#refusal(facade, call.request.length);
    if (refusal !== undefined) {
      return this.#answers.recordedOnly(facade, call, refusal, !this.#draining);
    }
    if (this.#executions.get(call.sagaId) !== undefined) {
      return this.#answers.recorded(facade, call);
    }
    const answer = await this.#begin(facade, call).answer();
    return answer === "released" ? this.#answers.recorded(facade, call) : answer;
  }

  /** Whether the saga runs here. */
  knows(sagaId: string): boolean {
    return this.#executions.live(sagaId) !== undefined;
  }

  /**
   * Why a saga that would begin now has no room; undefined if there is room. A stopping server still answers what it
   * has recorded.
   */
  refusal(facade: FacadeDefinition): SagaError | undefined {
    return this.#draining ? undefined : this.#admission.refusal(facade, 0);
  }

  /** Recovers the sagas that the last process left, and begins to handle topics. */
  async start(): Promise<void> {
    const { facades, journal, broker, completion, retentionMs, log } = this.#options;
    this.#subscribe();
    const left = await journal.messages.pending();
    if (isShared(journal)) {
      await journal.release(facades.map(({ fingerprint }) => fingerprint));
    }
    const open = await journal.list("open");
    this.#recovery.enqueue(open);
    await reportUnfinished(journal, this.#byName, log);
    reportUnknownTopics(left, facades, completion?.topic, log);
    // mutation: start-resends-messages
    for (const message of left) {
      this.#outbox.send([message]);
    }
    await broker.start();
    void this.#recovery.empty().then(() => {
      const { recovered } = this.#recovery;
      if (recovered > 0) {
        log.info({ sagas: recovered }, "sagas recovered from the journal");
      }
    });
    const parts = { journal, timers: this.#timers, clock: this.#clock, log };
    if (journal.shared || broker.slots === undefined) {
      // One server on SQLite with the embedded broker owns all sagas and sends no messages for them.
      new Sweep({
        ...parts,
        facades,
        executions: this.#executions,
        recovery: this.#recovery,
        outbox: this.#outbox,
        isDraining: () => this.#draining,
      }).start();
    }
    if (retentionMs !== undefined) {
      new Retention({ ...parts, retentionMs }).start();
    }
  }

  /**
   * Accepts no new sagas, and waits for those that clients wait for and for the calls in flight. What waits on topics
   * is left to the next start, or to other servers. @returns how many calls were still in flight after `graceMs`
   */
  async drain(graceMs: number): Promise<number> {
    this.#draining = true;
    const quiet = this.#executions.quiet().then(() => this.#options.broker.close());
    await this.#within(graceMs, quiet);
    return this.#executions.all().filter(({ facade, callsInFlight }) => facade.mode !== "async" || callsInFlight > 0)
      .length;
  }

  /** Stops at once. What still runs is left to the next start. */
  async stop(): Promise<void> {
    this.#draining = true;
    this.#stopped = true;
    this.#timers.stop();
    this.#handOvers.close();
    const error = serverStopped();
    this.#answers.stop(error);
    for (const execution of this.#executions.all()) {
      execution.release({ why: "stopped", error });
    }
    await this.#within(lastHandlersMs, this.#options.broker.close());
  }

  #begin(facade: FacadeDefinition, call: SagaCall): SagaExecution {
    const { sagaId, request, message, traceparent } = call;
    const values = new SagaValues(facade, sagaId, request, { message });
    const execution = new SagaExecution(this.#host, values, initialState(facade), 0);
    this.#executions.add(execution);
    this.#admission.began(facade);
    execution.begin(this.#deadlineOf(facade, call.deadlineAtMs), traceparent);
    return execution;
  }

  /**
   * When the saga must be done, by the journal's clock: the earlier of the facade's deadline and the client's. A client
   * of an async facade does not wait for the end.
   */
  #deadlineOf({ deadlineMs, mode }: FacadeDefinition, clientsAtMs: number | undefined): number | undefined {
    const forever = Number.POSITIVE_INFINITY;
    const clientsMs = mode === "async" || clientsAtMs === undefined ? forever : clientsAtMs - this.#options.clock.now();
    const earlier = this.#clock.now() + Math.min(deadlineMs ?? forever, clientsMs);
    return Number.isFinite(earlier) ? earlier : undefined;
  }

  #refusal(facade: FacadeDefinition, requestBytes: number): SagaError | undefined {
    return this.#draining
      ? new SagaError("SAGA_DRAINING", "the server is shutting down; call again")
      : this.#admission.refusal(facade, requestBytes);
  }

  #released(execution: SagaExecution, release: Release): void {
    const { log, hooks } = this.#options;
    this.#executions.released(execution);
    switch (release.why) {
      case "ended":
        reportEnd(execution, log, hooks);
        return;
      case "conflict":
        log.debug({ saga: execution.id }, "saga released: another server wrote to it");
        this.#recovery.conflicted(execution);
        return;
      case "suspended": {
        // The client of a saga that did not begin gets the error; a saga that is refused again and again is logged
        // once.
        // mutation: recover-suspended-sagas
        const first = this.#recovery.later(execution.id) && execution.seq > 0;
        const about = { saga: execution.id, err: release.error };
        log[first ? "error" : "debug"](about, "saga suspended; it will be recovered from the journal");
      }
    }
  }

  /** Has the broker deliver the messages, or give the slots, of all topics. */
  #subscribe(): void {
    const { facades, broker, journal, concurrencyOf, completion, log } = this.#options;
    const parts = { journal, executions: this.#executions, recovery: this.#recovery, log };
    const subscribe = (facade: FacadeDefinition, at: number, topic: string, concurrency: number) => {
      const delivery = new Delivery(parts, facade, at);
      this.#handOvers.subscribe(topic, concurrency, delivery);
      broker.subscribe(topic, { concurrency }, delivery.handler);
    };
    for (const facade of facades) {
      facade.topics.steps.forEach((topic, at) => {
        subscribe(facade, at, topic, concurrencyOf(topic));
      });
      subscribe(facade, rollback, facade.topics.rollback, rollbackConcurrency);
    }
    if (completion?.handler !== undefined) {
      broker.subscribe(completion.topic, { concurrency: concurrencyOf(completion.topic) }, completion.handler);
    }
  }

  /** Waits for a promise, but no longer than so many ms. */
  async #within(ms: number, promise: Promise<unknown>): Promise<void> {
    let cancel = () => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.clock.after(ms, resolve);
    });
    await Promise.race([promise, late]);
    cancel();
  }
}

function journalClock(journal: Journal, own: Clock): Clock {
  return {
    now: isShared(journal) ? () => journal.clockMs() : () => own.now(),
    after: (ms, action) => own.after(ms, action),
    random: () => own.random(),
  };
}
