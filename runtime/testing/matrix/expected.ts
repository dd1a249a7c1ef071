import type { StatusName } from "../../core/status.js";

/** One call of an upstream, as it leaves: the method and the idempotency key without the saga's id. */
export interface Call {
  /** "/pb.OrderService/CreateOrder" */
  readonly method: string;
  /** "createOrder", or "createOrder/compensate" */
  readonly key: string;
}

/** Calls that are made one after the other. */
export type Chain = readonly Call[];

/** Chains that run beside each other: a parallel group. Its last call is made before the next stage's first one. */
export type Stage = readonly Chain[];

/** What the client gets. */
export type ExpectedAnswer =
  | { readonly ok: true }
  /** `step`: undefined where it does not matter. */
  | { readonly ok: false; readonly status: StatusName; readonly reason: string; readonly step: string | undefined };

/** What must come of a case. */
export interface Expected {
  readonly stages: readonly Stage[];
  readonly state: "COMPLETED" | "COMPENSATED" | "STUCK";
  readonly answer: ExpectedAnswer;
  /** The steps whose effect stands in the end, in the facade's order. */
  readonly left: readonly string[];
}
