/** How often, and after which waits, a step or a compensation is retried. */
export interface RetryPolicy {
  /** The number of attempts, including the first. */
  readonly maxAttempts: number;
  /** The upper bound of the first wait, ms. */
  readonly initialBackoffMs: number;
  /** The upper bound of all waits, ms. */
  readonly maxBackoffMs: number;
  /** The factor by which the bound grows from one wait to the next. */
  readonly multiplier: number;
}

/** What the state machine needs to know about a step. */
export interface StepPlan {
  /** Steps of the same group run in parallel. Groups are numbered from 0 without gaps. */
  readonly group: number;
  /** "read": nothing to compensate. "compensatable": has a compensation. "retriable": is after the pivot. */
  readonly kind: "read" | "compensatable" | "pivot" | "retriable";
  readonly retry: RetryPolicy;
  /** Whether a call with an unknown outcome may be repeated, also after a crash. */
  readonly idempotent: boolean;
  /** Whether the step is compensated even if it failed definitely. */
  readonly compensateOnFailure: boolean;
  readonly compensation?: { readonly retry: RetryPolicy };
}

/** What the state machine needs to know about a facade. A `FacadeDefinition` is a `SagaPlan`. */
export interface SagaPlan {
  readonly mode: "sync" | "async" | "throttled";
  /** What recovery does with a saga that was interrupted before its pivot. */
  readonly recovery: "roll-back" | "carry-on";
  /** Ordered by group. */
  readonly steps: readonly StepPlan[];
}

/**
 * A metadata key of upstream calls: "true" if the step is past its saga's pivot. Such a call is retried until it
 * succeeds, whatever its status.
 */
export const retriableKey = "saga-retriable";

/** Whether messages on topics drive the saga's steps. */
export function isDrivenByTopics({ mode }: Pick<SagaPlan, "mode">): boolean {
  return mode !== "sync";
}

/**
 * The upper bound of the wait before an attempt, ms: `initial * multiplier^(attempt - 2)`, capped. The engine chooses a
 * random wait below it (full jitter). This is no library's code because the simulator must control the randomness.
 * @param attempt the next attempt, from 2
 */
export function backoffBound(policy: RetryPolicy, attempt: number): number {
  const bound = policy.initialBackoffMs * policy.multiplier ** Math.max(0, attempt - 2);
  return Math.min(policy.maxBackoffMs, bound);
}
