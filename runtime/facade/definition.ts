import type { Codec } from "./codec.js";
import type { DtoCodec } from "./dto.js";
import type { CompensateContext, StepContext } from "./node.js";

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

/** How a step is undone. */
export interface CompensationDefinition {
  /** "/pb.OrderService/CancelOrder" */
  readonly path: string;
  /** The longest that one attempt may take, ms. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly request: Codec<unknown>;
}

/** The user's code for a step, with its types erased (methods, so that typed nodes are assignable). */
export interface AnyNode {
  request(context: StepContext<unknown, unknown>): unknown;
  compensate?(context: CompensateContext<unknown, unknown, unknown, unknown>): unknown;
}

/** One step of a facade. */
export interface StepDefinition {
  /** Names the step in results, idempotency keys and logs. */
  readonly name: string;
  /** Steps with the same group run in parallel; groups count from 0 without gaps. */
  readonly group: number;
  /** "read": nothing to undo. "compensatable": has a compensation. "retriable": stands after the pivot. */
  readonly kind: "read" | "compensatable" | "pivot" | "retriable";
  /** The service to call: "pb.OrderService". Its address comes from the configuration. */
  readonly service: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  /** The longest that one attempt may take, ms. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** Whether a call whose outcome is unknown may be repeated, also after a crash. */
  readonly idempotent: boolean;
  readonly compensateOnFailure: boolean;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  readonly compensation?: CompensationDefinition;
  readonly node: AnyNode;
}

/** A facade: what `defineFacade` takes from generated code. */
export interface FacadeDefinition {
  /** "pb.BookingService/HandleSyncBooking" */
  readonly name: string;
  readonly mode: "sync" | "async" | "throttled";
  /** Hex SHA-256 of the structure, stored with each saga. */
  readonly fingerprint: string;
  /** What happens to a saga that a crash interrupted before its pivot. */
  readonly recovery: "roll-back" | "carry-on";
  /** The longest that a saga may run before its pivot, ms. */
  readonly deadlineMs?: number;
  readonly topics: { readonly rollback: string; readonly steps: readonly string[] };
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  readonly steps: readonly StepDefinition[];
  respond(context: StepContext<unknown, unknown>): unknown;
  readonly dto: DtoCodec;
  /** The node file, where `todo(…)` calls are looked for at start. */
  readonly nodeFile: URL;
}

/** Makes a facade known to the type checker. Generated code calls it; the definition is returned as it is. */
export function defineFacade(definition: FacadeDefinition): FacadeDefinition {
  return definition;
}
