import type { StatusCode } from "./status.js";

/** Why a call or a node failed, as a gRPC status. */
export interface Failure {
  readonly code: StatusCode;
  readonly message: string;
  /** A code of the error catalogue: SAGA_STEP_FAILED if the upstream returned the status. */
  readonly reason: string;
  /** Whether the failure came before the call left, so that nothing was sent. */
  readonly beforeCall: boolean;
}

/**
 * What follows from a step's failure. The state machine decides it once, by the current retry policy, and the journal
 * records it: a replay under a changed policy must give the same state.
 */
export type StepDecision = "retry" | "failed" | "unknown";

/** What follows from a compensation's failure, recorded for the same reason. */
export type UndoDecision = "retry" | "undone" | "stuck";

/** Something that happened to a saga. `step` is the step's position in the facade. */
export type SagaEvent =
  | { readonly kind: "started"; readonly deadlineAtMs: number | undefined; readonly traceparent: string }
  /** The message on the step's topic arrived. */
  | { readonly kind: "step-delivered"; readonly step: number }
  /** The step's call may leave once this is durable. Only the first attempt has `sent`. */
  | { readonly kind: "step-called"; readonly step: number; readonly attempt: number; readonly sent?: Uint8Array }
  | { readonly kind: "step-succeeded"; readonly step: number; readonly received: Uint8Array }
  | {
      readonly kind: "step-failed";
      readonly step: number;
      /** The attempt that failed. It is not recorded: an expected failure is always that of the current attempt. */
      readonly attempt?: number;
      readonly failure: Failure;
      readonly decision?: StepDecision;
    }
  | { readonly kind: "deadline-passed" }
  /** A server loaded the saga from the journal. */
  | { readonly kind: "recovered" }
  /** The message on the rollback topic arrived. */
  | { readonly kind: "rollback-delivered" }
  /** The compensation's call may leave once this is durable. Only the first attempt has `sent`. */
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
      /** As in `step-failed`. */
      readonly attempt?: number;
      readonly failure: Failure;
      readonly decision?: UndoDecision;
    }
  | { readonly kind: "responded"; readonly response: Uint8Array }
  | { readonly kind: "respond-failed"; readonly failure: Failure }
  | { readonly kind: "operator-retried"; readonly step: number; readonly who: string; readonly why: string }
  | { readonly kind: "operator-skipped"; readonly step: number; readonly who: string; readonly why: string };

/** What the engine must do. */
export type Command =
  /** Build the request if no attempt sent it before, record "step-called" durably, and call. */
  | { readonly kind: "call"; readonly step: number; readonly attempt: number; readonly waitBoundMs: number }
  /** Publish a message on the step's topic once this transition is durable and the wait is over. */
  | { readonly kind: "queue-step"; readonly step: number; readonly waitBoundMs: number }
  /** Build the compensation's request if no attempt sent it before, record "compensation-called" durably, and call. */
  | { readonly kind: "compensate"; readonly step: number; readonly attempt: number; readonly waitBoundMs: number }
  /** Build the response, and record "responded" or "respond-failed". */
  | { readonly kind: "respond" }
  /** Publish a message on the rollback topic once this transition is durable. */
  | { readonly kind: "queue-rollback" };
