import type { Change } from "./mutation-points.js";

/** A deliberate break of the runtime, which the simulator must notice. */
export interface Mutation {
  /** The name of its place in the code: `// mutation: <point>`. */
  readonly point: string;
  /** What goes wrong. */
  readonly breaks: string;
  readonly change: Change;
  /**
   * Set if 10,000 schedules did not notice it in an earlier run: another safeguard hides it, or it takes a rare event.
   */
  readonly rare?: true;
}

const never: Change = { kind: "never" };
const always: Change = { kind: "always" };
const remove: Change = { kind: "instead", code: "" };
const instead = (code: string): Change => ({ kind: "instead", code });
const replace = (pattern: RegExp, by: string): Change => ({ kind: "replace", pattern, by });

const core: readonly Mutation[] = [
  {
    point: "reverse-order",
    breaks: "compensations run in the order of the steps",
    change: replace(/let group = last; group >= 0; group--/, "let group = 0; group <= last; group++"),
  },
  {
    point: "wait-for-calls-in-flight",
    breaks: "a rollback does not wait for calls in flight",
    change: never,
  },
  {
    point: "not-found-undoes-no-done-step",
    breaks: "NOT_FOUND compensates a step that is known to be done",
    change: replace(/ && step\.status !== "done"/, ""),
  },
  {
    point: "compensation-attempts",
    breaks: "a compensation gets one attempt too many",
    change: replace(/failures >= policy\.maxAttempts/, "failures > policy.maxAttempts"),
  },
  {
    point: "compensate-unknown-steps",
    breaks: "an unknown outcome is not compensated",
    change: replace(/ \|\| step\.status === "unknown"/, ""),
  },
  {
    point: "deadline-only-before-pivot",
    breaks: "a deadline rolls a saga back after its pivot",
    change: never,
  },
  {
    point: "queued-pivot-is-in-doubt",
    breaks: "a pivot that waits for its topic is not in doubt",
    change: replace(/ \|\| status === "queued"/, ""),
  },
  {
    point: "retry-only-unknown-outcomes",
    breaks: "a definite failure is retried",
    change: replace(/lost && /, ""),
  },
  {
    point: "step-attempts",
    breaks: "a step gets one attempt too many",
    change: replace(/failures < step\.retry\.maxAttempts/, "failures <= step.retry.maxAttempts"),
  },
  {
    point: "interrupted-attempt-is-no-failure",
    breaks: "an attempt that a restart interrupted counts as failed",
    change: replace(/before\.failures \+ 1/, "Math.max(before.attempts, before.failures + 1)"),
  },
  {
    point: "interrupted-compensation-is-no-failure",
    breaks: "an attempt to compensate that a restart interrupted counts as failed",
    change: replace(/step\.undoFailures \+ 1/, "Math.max(attempts, step.undoFailures + 1)"),
  },
  {
    point: "retry-only-idempotent-steps",
    breaks: "a step that may not be repeated is retried",
    change: replace(/ && step\.idempotent/, ""),
  },
  {
    point: "refusal-after-lost-answer",
    breaks: "a refusal after a lost answer is believed",
    change: replace(/: inDoubt/, ": lost"),
  },
  {
    point: "restart-keeps-doubt",
    breaks: "a restart forgets that a call was in flight",
    change: instead("() => ({})"),
  },
  {
    point: "no-repeat-after-restart",
    breaks: "a restart repeats what may not be repeated",
    change: replace(/!planOf\(plan, at\)\.idempotent/, "false"),
  },
  {
    point: "interrupted-call-is-unknown",
    breaks: "a restart takes a call in flight for one that was never made",
    change: replace(/"unknown"/, '"idle"'),
  },
  {
    point: "restart-queues-rollback",
    breaks: "a restart does not queue the rollback again",
    change: replace(/\[\{ kind: "queue-rollback" \}\]/, "[]"),
  },
  {
    point: "step-failure-counts-for-its-attempt",
    breaks: "a failed attempt is taken for the one that another server has in flight",
    change: never,
    rare: true,
  },
  {
    point: "compensation-failure-counts-for-its-attempt",
    breaks: "a failed attempt to compensate is taken for the one that another server has in flight",
    change: never,
    rare: true,
  },
];

const upstream: readonly Mutation[] = [
  {
    point: "refusal-past-pivot-is-not-kept",
    breaks: "a refusal past the pivot is stored for good",
    change: replace(/ \|\| retriable/, ""),
  },
  {
    point: "compensation-blocks-late-action",
    breaks: "a compensation does not block its late action",
    change: replace(/rows\.insert\(\{.*?\}\)/s, "rows.find(actionKey) === undefined"),
  },
  {
    point: "undo-only-effects",
    breaks: "a refused action is compensated",
    change: replace(/\(action\.answer\.ok \|\| compensateOnFailure\)/, "true"),
  },
];

const journal: readonly Mutation[] = [
  { point: "entry-number-is-unique", breaks: "the journal takes an entry number twice", change: never },
];

const engine: readonly Mutation[] = [
  {
    point: "call-after-intent",
    breaks: "a call leaves before its intent is durable",
    change: instead('command.kind === "call" ? queueMicrotask(() => this.#call(command)) : turn.calls.push(command);'),
  },
  {
    point: "compensation-after-intent",
    breaks: "a compensation leaves before its intent is durable",
    change: instead('command.kind !== "call" ? queueMicrotask(() => this.#call(command)) : turn.calls.push(command);'),
  },
  {
    point: "answer-after-entry",
    breaks: "the client is answered before that is durable",
    change: replace(/;$/, "; if (answer) for (const { resolve } of this.#answerWaiters.splice(0)) resolve(answer);"),
  },
  { point: "one-entry-in-flight", breaks: "two entries of a saga are in flight at once", change: always },
  {
    point: "conflict-is-not-stored",
    breaks: "an entry that conflicts with another server's is taken for stored",
    change: replace(/;$/, "; if (conflict) { this.#seq++; this.#state = state; return true; }"),
  },
  {
    point: "report-end-once",
    breaks: "the end of a saga is reported again with each entry",
    change: replace(/ && !isFinal\(this\.#state\)/, ""),
    rare: true,
  },
  {
    point: "queue-only-awaited-steps",
    breaks: "a queued step is asked for although the saga rolls back",
    change: never,
    rare: true,
  },
  {
    point: "deliver-only-awaited-messages",
    breaks: "a saga that rolls back takes the slot that it waited for",
    change: always,
  },
  {
    point: "retry-keeps-key",
    breaks: "a retry has another idempotency key",
    change: instead(
      'idempotencyKey: sagaId + "/" + name + (forward ? "" : "/compensate") + (stepOf(state, command.step).attempts > 1 ? "/again" : "")',
    ),
  },
  {
    point: "retry-is-next-attempt",
    breaks: "a retry is made that was decided on another past",
    change: replace(/ && stepOf.*attempt;/s, ";"),
    rare: true,
  },
  {
    point: "calls-end-with-deadline",
    breaks: "a call may take longer than its saga",
    change: instead("return timeoutMs;"),
  },
  { point: "recovery-watches-deadline", breaks: "a deadline is not watched after a recovery", change: remove },
  {
    point: "deadline-ends-with-running",
    breaks: "the deadline's timer is not cancelled when the saga rolls back or passes its pivot",
    change: remove,
  },
  {
    point: "keep-while-deadline-is-watched",
    breaks: "a saga is released although its deadline is watched here",
    change: replace(/ && this\.#cancelDeadline === undefined/, ""),
    rare: true,
  },
  {
    point: "slot-until-call-is-made",
    breaks: "a slot is given back before its call is made",
    change: replace(/status !== "due" && /, ""),
  },
  { point: "release-gives-slots-back", breaks: "a released saga keeps its slots", change: remove },
  {
    point: "duplicate-keeps-first-slot",
    breaks: "a duplicate message takes the place of the first one",
    change: instead("this.#slots.set(input.at, [input.slot]);"),
    rare: true,
  },
  {
    point: "message-waits-for-first-entry",
    breaks: "a message does not wait until the journal says whose saga it is",
    change: replace(/ && known\.seq > 0/, ""),
    rare: true,
  },
  { point: "release-redirects-clients", breaks: "clients of a released saga never get its answer", change: remove },
  {
    point: "join-only-same-request",
    breaks: "the saga of another request is joined",
    change: never,
  },
  {
    point: "join-after-first-entry",
    breaks: "a call joins a saga before the journal says whose saga it is",
    change: never,
    rare: true,
  },
  { point: "end-makes-room", breaks: "the end of a saga makes no room for others", change: remove },
  { point: "recover-open-sagas", breaks: "what a server left, or suspended, is not recovered", change: always },
  {
    // A dead server starts again at the end of each run, and recovers its own sagas. test/testing/take-over.test.ts
    // notices.
    point: "take-over-expired-leases",
    breaks: "what another server left is not taken over",
    change: remove,
    rare: true,
  },
  {
    point: "recover-suspended-sagas",
    // The sweep recovers it later.
    breaks: "a suspended saga is not recovered soon",
    change: replace(/this.*\)/, "true"),
    rare: true,
  },
  {
    point: "recover-after-settled",
    breaks: "a saga is not recovered whose earlier execution is still there",
    change: remove,
    rare: true,
  },
  {
    point: "reload-when-behind",
    breaks: "what this process remembers is kept when another server moved the saga on",
    change: never,
    rare: true,
  },
  {
    point: "find-waits-for-unsettled",
    breaks: "a saga is used before the journal says whose it is, or while its earlier calls are in flight",
    change: never,
  },
  {
    point: "wait-for-calls-of-released",
    breaks: "an attempt or a compensation leaves while an earlier call of the same process is in flight",
    change: replace(/ && execution\.callsInFlight === 0/, ""),
  },
  { point: "retry-unreadable-sagas", breaks: "a saga that can't be read is not retried", change: remove, rare: true },
  {
    // The sweep sends them later.
    point: "start-resends-messages",
    breaks: "stored messages are not sent again at a start",
    change: remove,
    rare: true,
  },
  { point: "sweep-resends-messages", breaks: "messages that could not be sent are not sent again", change: remove },
];

/** All breaks. */
export const mutations: readonly Mutation[] = [...core, ...engine, ...upstream, ...journal];
