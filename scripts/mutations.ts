import type { Change } from "./mutation-points.js";

/** A deliberate break of the runtime, which the simulator must notice. */
export interface Mutation {
  /** The name of its place in the code: `// mutation: <point>`. */
  readonly point: string;
  /** What goes wrong. */
  readonly breaks: string;
  readonly change: Change;
  /** Set if 10,000 schedules did not notice it in an earlier run: another safeguard hides it, or it takes a rare event. */
  readonly rare?: true;
}

const never: Change = { kind: "never" };
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

/** All breaks. */
export const mutations: readonly Mutation[] = [...core, ...upstream, ...journal];
