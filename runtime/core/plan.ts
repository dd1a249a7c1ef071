/** Attempts and waits of one direction of a step. */
export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  /** The bound of the first wait, ms. */
  readonly initialBackoffMs: number;
  /** The bound of every wait, ms. */
  readonly maxBackoffMs: number;
  /** What the bound grows by from one wait to the next. */
  readonly multiplier: number;
}

/** What the state machine needs to know of a step. */
export interface StepPlan {
  /** Steps with the same group run in parallel; groups count from 0 without gaps. */
  readonly group: number;
  /** "read": nothing to undo. "compensatable": has a compensation. "retriable": stands after the pivot. */
  readonly kind: "read" | "compensatable" | "pivot" | "retriable";
  readonly retry: RetryPolicy;
  /** Whether a call whose outcome is unknown may be repeated, also after a crash. */
  readonly idempotent: boolean;
  /** Compensate also where the step failed definitely. */
  readonly compensateOnFailure: boolean;
  readonly compensation?: { readonly retry: RetryPolicy };
}

/** What the state machine needs to know of a facade. A facade's definition is one. */
export interface SagaPlan {
  readonly mode: "sync" | "async" | "throttled";
  /** What happens to a saga that a crash interrupted before its pivot. */
  readonly recovery: "roll-back" | "carry-on";
  /** In the order of their groups. */
  readonly steps: readonly StepPlan[];
}

/** Whether messages on topics drive the saga's steps. */
export function isDrivenByTopics({ mode }: Pick<SagaPlan, "mode">): boolean {
  return mode !== "sync";
}

/**
 * The bound of the wait before an attempt, ms: `initial * multiplier^(attempt - 2)`, capped. The engine draws the
 * wait itself at random below it (full jitter). Not a library's, since the simulator must own the randomness.
 * @param attempt the attempt to come, from 2
 */
export function backoffBound(policy: RetryPolicy, attempt: number): number {
  const bound = policy.initialBackoffMs * policy.multiplier ** Math.max(0, attempt - 2);
  return Math.min(policy.maxBackoffMs, bound);
}
