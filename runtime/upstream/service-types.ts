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

/** What the handler of an RPC with an effect gets beside the request. */
export interface EffectContext<Tx> {
  /** What to write with: all that is written with it is committed together with the answer, or not at all. */
  readonly tx: Tx;
  /** The idempotency key; undefined only where the RPC is in `keyOptional` and the call bore none. */
  readonly key: string | undefined;
  /** The call: its metadata, peer and deadline. */
  readonly call: Pick<ServerUnaryCall<unknown, unknown>, "metadata" | "getPeer" | "getDeadline" | "getPath">;
}

/**
 * Handles an RPC with an effect: what it returns is the response; it throws a Refusal to say no. It neither commits nor
 * rolls back, and has no effects outside of the transaction.
 */
export type EffectHandler<Method extends AnyMethod, Tx, Sync extends boolean> = (
  request: RequestOf<Method>,
  context: EffectContext<Tx>,
) => Sync extends true ? ResponseOf<Method> : Awaitable<ResponseOf<Method>>;

/** grpc-js' own handler of a method. */
export type HandlerOf<Method extends AnyMethod> = Method extends { requestStream: true; responseStream: true }
  ? handleBidiStreamingCall<RequestOf<Method>, ResponseOf<Method>>
  : Method extends { requestStream: true }
    ? handleClientStreamingCall<RequestOf<Method>, ResponseOf<Method>>
    : Method extends { responseStream: true }
      ? handleServerStreamingCall<RequestOf<Method>, ResponseOf<Method>>
      : handleUnaryCall<RequestOf<Method>, ResponseOf<Method>>;
