import type { StatusCode } from "./status.js";

/** A failure as a gRPC status, with what failed. */
export interface Failure {
  readonly code: StatusCode;
  readonly message: string;
  /** A code of the error catalogue: SAGA_STEP_FAILED where an upstream answered so. */
  readonly reason: string;
  /** Nothing was sent: the failure came before the call left. */
  readonly beforeCall: boolean;
}

/**
 * What followed from a step's failure. The state machine decides it once, by the policy of the day, and the journal keeps
 * it: a replay under another policy must not come to another past.
 */
export type StepDecision = "retry" | "failed" | "unknown";

/** What followed from a compensation's failure, kept for the same reason. */
export type UndoDecision = "retry" | "undone" | "stuck";

/** One thing that happened to a saga. Steps are named by their position in the facade. */
export type SagaEvent =
  | { readonly kind: "started"; readonly deadlineAtMs: number | undefined; readonly traceparent: string }
  /** The message on the step's topic arrived. */
  | { readonly kind: "step-delivered"; readonly step: number }
  /** The step's call may leave from now on. `sent` comes with the first attempt only. */
  | { readonly kind: "step-called"; readonly step: number; readonly attempt: number; readonly sent?: Uint8Array }
  | { readonly kind: "step-succeeded"; readonly step: number; readonly received: Uint8Array }
  | {
      readonly kind: "step-failed";
      readonly step: number;
      /** Which one failed. Not recorded: what was expected was of the attempt under way. */
      readonly attempt?: number;
      readonly failure: Failure;
      readonly decision?: StepDecision;
    }
  | { readonly kind: "deadline-passed" }
  /** A process that knew nothing of the saga found it in the journal. */
  | { readonly kind: "recovered" }
  /** The message on the rollback topic arrived. */
  | { readonly kind: "rollback-delivered" }
  /** The compensation's call may leave from now on. `sent` comes with the first attempt only. */
  | {
      readonly kind: "compensation-called";
      readonly step: number;
      readonly attempt: number;
      readonly sent?: Uint8Array;
    }
  | { readonly kind: "compensation-succeeded"; readonly step: number }
  | {
      readonly kind: "compensation-failed";
      readonly step: number;
      /** As of a step. */
      readonly attempt?: number;
      readonly failure: Failure;
      readonly decision?: UndoDecision;
    }
  | { readonly kind: "responded"; readonly response: Uint8Array }
  | { readonly kind: "respond-failed"; readonly failure: Failure }
  | { readonly kind: "operator-retried"; readonly step: number; readonly who: string; readonly why: string }
  | { readonly kind: "operator-skipped"; readonly step: number; readonly who: string; readonly why: string };

/** What the engine is to do. */
export type Command =
  /** Build the request unless it was built before, say "step-called", make that durable, and call. */
  | { readonly kind: "call"; readonly step: number; readonly attempt: number; readonly waitBoundMs: number }
  /** Publish on the step's topic, once this transition is durable and the wait is over. */
  | { readonly kind: "queue-step"; readonly step: number; readonly waitBoundMs: number }
  /** Build the compensation's request unless it was built before, say "compensation-called", make that durable, and call. */
  | { readonly kind: "compensate"; readonly step: number; readonly attempt: number; readonly waitBoundMs: number }
  /** Build the response and say "responded" or "respond-failed". */
  | { readonly kind: "respond" }
  /** Publish on the rollback topic, once this transition is durable. */
  | { readonly kind: "queue-rollback" };
