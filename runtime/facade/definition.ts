import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { RetryPolicy, SagaPlan, StepPlan } from "../core/plan.js";
import type { Codec } from "./codec.js";
import type { DtoCodec } from "./dto.js";
import type { CompensateContext, StepContext } from "./node.js";

/** The compensation of a step. */
export interface CompensationDefinition {
  /** "/pb.OrderService/CancelOrder" */
  readonly path: string;
  /** The timeout of one attempt, ms. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly request: Codec<unknown>;
}

/** The node of a step, without its types. Its members are methods so that typed nodes are assignable. */
export interface AnyNode {
  request(context: StepContext<unknown, unknown>): unknown;
  compensate?(context: CompensateContext<unknown, unknown, unknown, unknown>): unknown;
}

/** One step of a facade. */
export interface StepDefinition extends StepPlan {
  /** The step's name in results, idempotency keys and logs. */
  readonly name: string;
  /** The service to call: "pb.OrderService". The configuration has its address. */
  readonly service: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  /** The timeout of one attempt, ms. */
  readonly timeoutMs: number;
  readonly request: Codec<unknown>;
  readonly response: Codec<unknown>;
  readonly compensation?: CompensationDefinition;
  readonly node: AnyNode;
}

/** A facade, as generated code defines it. Its request and response types are those of `Sagas.run`. */
export interface FacadeDefinition<Request = unknown, Response = unknown> extends SagaPlan {
  /** "pb.BookingService/HandleSyncBooking" */
  readonly name: string;
  /** SHA-256 of the facade's structure, in hexadecimal. Stored with each saga. */
  readonly fingerprint: string;
  /** The maximum time that a saga may run before its pivot, ms. Default: unlimited. */
  readonly deadlineMs?: number;
  /** Topics without the configured prefix. Those of the steps are in step order; a sync facade has none. */
  readonly topics: { readonly rollback: string; readonly steps: readonly string[] };
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
  /** The full names of the message types, as google.protobuf.Any has them: "pb.BookingRequest". */
  readonly types: { readonly request: string; readonly response: string };
  readonly steps: readonly StepDefinition[];
  respond(context: StepContext<unknown, unknown>): unknown;
  readonly dto: DtoCodec;
  /** The file of the nodes. The server searches it for `todo(…)` calls when it starts. */
  readonly nodeFile: URL;
}

/** Type-checks the definition of a facade and returns it unchanged. Generated code calls this function. */
export function defineFacade<Request, Response>(
  definition: FacadeDefinition<Request, Response>,
): FacadeDefinition<Request, Response> {
  return definition;
}

/** A gRPC service with facades, as a generated handler file exports it. */
export interface SagaService {
  /** "pb.BookingService" */
  readonly name: string;
  /** The service definition that ts-proto generates. */
  readonly definition: ServiceDefinition;
  /** The facades by method name in `definition`: "handleSyncBooking". */
  readonly facades: Readonly<Record<string, FacadeDefinition>>;
  /** The user's handlers of all other RPCs, by method name. */
  readonly rpcs?: UntypedServiceImplementation;
  /** A serialized FileDescriptorSet in base64, for gRPC reflection: the service's file and all its imports. */
  readonly descriptors: string;
}

/** Type-checks a service and returns it unchanged. Generated code calls this function. */
export function defineService(service: SagaService): SagaService {
  return service;
}
