import type { RetryPolicy, SagaPlan, StepPlan } from "../core/plan.js";
import type { Codec } from "./codec.js";
import type { DtoCodec } from "./dto.js";
import type { CompensateContext, StepContext } from "./node.js";

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
export interface StepDefinition extends StepPlan {
  /** Names the step in results, idempotency keys and logs. */
  readonly name: string;
  /** The service to call: "pb.OrderService". Its address comes from the configuration. */
  readonly service: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  /** The longest that one attempt may take, ms. */
  readonly timeoutMs: number;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  readonly compensation?: CompensationDefinition;
  readonly node: AnyNode;
}

/** A facade: what `defineFacade` takes from generated code. */
export interface FacadeDefinition extends SagaPlan {
  /** "pb.BookingService/HandleSyncBooking" */
  readonly name: string;
  /** Hex SHA-256 of the structure, stored with each saga. */
  readonly fingerprint: string;
  /** The longest that a saga may run before its pivot, ms. */
  readonly deadlineMs?: number;
  /** Without the configured prefix; those of the steps by their position, none for a sync facade. */
  readonly topics: { readonly rollback: string; readonly steps: readonly string[] };
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  /** The full names of the message types, as google.protobuf.Any has them: "pb.BookingRequest". */
  readonly types: { readonly request: string; readonly response: string };
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
