import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServerUnaryCall,
} from "@grpc/grpc-js";
import type { Awaitable } from "./port.js";

// biome-ignore lint/suspicious/noExplicitAny: grpc-js' own service definitions are of any message.
export type AnyMethod = MethodDefinition<any, any>;

/** A service's definition, as ts-proto and @grpc/proto-loader write it. */
export type AnyService = Readonly<Record<string, AnyMethod>>;

/** The message that a method takes. */
export type RequestOf<Method extends AnyMethod> = ReturnType<Method["requestDeserialize"]>;

/** The message that a method gives. */
export type ResponseOf<Method extends AnyMethod> = ReturnType<Method["responseDeserialize"]>;

/** An action that was done: the RPC's name in the service's definition, and what it answered. */
export interface NamedAction<Name = string, Response = unknown> {
  readonly name: Name;
  readonly response: Response;
}

/** Any action of a service's: its `name` tells the type of its `response`. */
export type ActionOf<Service extends AnyService> = {
  [Name in keyof Service]: NamedAction<Name, ResponseOf<Service[Name]>>;
}[keyof Service];

/** What the handler of an RPC with an effect gets beside the request. */
export interface EffectContext<Tx, Action = NamedAction<PropertyKey>> {
  /** What to write with: all that is written with it is committed together with the answer, or not at all. */
  readonly tx: Tx;
  /** The idempotency key; undefined only where the RPC is in `keyOptional` and the call bore none. */
  readonly key: string | undefined;
  /** Of a compensation: the key of the action that it undoes. Undefined where its own key names none. */
  readonly actionKey: string | undefined;
  /**
   * Of a compensation: the action that it undoes, and what that answered, also where the answer was lost on its way and the
   * request can't tell of it. Undefined where the key names no action, or where the action was refused.
   */
  readonly action: Action | undefined;
  /** The call: its metadata, peer and deadline. */
  readonly call: Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getPeer" | "getDeadline" | "getPath">;
}

/**
 * Handles an RPC with an effect: what it returns is the response; it throws a Refusal to say no. It neither commits nor
 * rolls back, and has no effects outside of the transaction.
 */
export type EffectHandler<Method extends AnyMethod, Tx, Sync extends boolean, Action = NamedAction<PropertyKey>> = (
  request: RequestOf<Method>,
  context: EffectContext<Tx, Action>,
) => Sync extends true ? ResponseOf<Method> : Awaitable<ResponseOf<Method>>;

/** grpc-js' own handler of a method. */
export type HandlerOf<Method extends AnyMethod> = Method extends { requestStream: true; responseStream: true }
  ? handleBidiStreamingCall<RequestOf<Method>, ResponseOf<Method>>
  : Method extends { requestStream: true }
    ? handleClientStreamingCall<RequestOf<Method>, ResponseOf<Method>>
    : Method extends { responseStream: true }
      ? handleServerStreamingCall<RequestOf<Method>, ResponseOf<Method>>
      : handleUnaryCall<RequestOf<Method>, ResponseOf<Method>>;
