import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerUnaryCall,
} from "@grpc/grpc-js";
import type { Awaitable } from "./driver.js";

// biome-ignore lint/suspicious/noExplicitAny: grpc-js' service definitions accept any message type.
export type AnyMethod = MethodDefinition<any, any>;

/** A service's definition, as ts-proto and @grpc/proto-loader generate it. */
export type AnyService = Readonly<Record<string, AnyMethod>>;

/** The request message of a method. */
export type RequestOf<Method extends AnyMethod> = ReturnType<Method["requestDeserialize"]>;

/** The response message of a method. */
export type ResponseOf<Method extends AnyMethod> = ReturnType<Method["responseDeserialize"]>;

/** A completed action: the RPC's name in the service's definition, and its response. */
export interface NamedAction<Name = string, Response = unknown> {
  readonly name: Name;
  readonly response: Response;
}

/** Any action of a service. Its `name` discriminates the type of its `response`. */
export type ActionOf<Service extends AnyService> = {
  [Name in keyof Service]: NamedAction<Name, ResponseOf<Service[Name]>>;
}[keyof Service];

/** What the handler of an RPC with an effect receives besides the request. */
export interface EffectContext<Tx, Action = NamedAction<PropertyKey>> {
  /** The transaction to write with. Its writes are committed together with the answer, or not at all. */
  readonly tx: Tx;
  /** The idempotency key; undefined only if the RPC is in `keyOptional` and the call has none. */
  readonly key: string | undefined;
  /** Of a compensation: the key of its action. Undefined if the compensation's key names no action. */
  readonly actionKey: string | undefined;
  /**
   * Of a compensation: its action with the stored response, even if the caller never received that response. Undefined if
   * the key names no action, or if the action was refused.
   */
  readonly action: Action | undefined;
  /** The call: its metadata, peer and deadline. */
  readonly call: Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getPeer" | "getDeadline" | "getPath">;
}

/**
 * Handles an RPC with an effect: returns the response, or throws a Refusal to reject the call. It must not commit or roll
 * back, and must have no effects outside the transaction.
 */
export type EffectHandler<Method extends AnyMethod, Tx, Sync extends boolean, Action = NamedAction<PropertyKey>> = (
  request: RequestOf<Method>,
  context: EffectContext<Tx, Action>,
) => Sync extends true ? ResponseOf<Method> : Awaitable<ResponseOf<Method>>;

/** The grpc-js handler of a method. */
export type HandlerOf<Method extends AnyMethod> = Method extends { requestStream: true; responseStream: true }
  ? handleBidiStreamingCall<RequestOf<Method>, ResponseOf<Method>>
  : Method extends { requestStream: true }
    ? handleClientStreamingCall<RequestOf<Method>, ResponseOf<Method>>
    : Method extends { responseStream: true }
      ? handleServerStreamingCall<RequestOf<Method>, ResponseOf<Method>>
      : handleUnaryCall<RequestOf<Method>, ResponseOf<Method>>;
