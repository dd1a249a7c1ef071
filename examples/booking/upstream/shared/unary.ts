import { type handleUnaryCall, type Metadata, status } from "@grpc/grpc-js";
import { Refusal } from "./refusal.js";

/** Makes a gRPC handler of a plain function: what it returns is the response, what it throws is the status. */
export function unary<Request, Response>(
  answer: (request: Request, metadata: Metadata) => Response,
): handleUnaryCall<Request, Response> {
  // grpc-js leaves the client waiting for ever where a handler throws, so nothing may escape from here.
  return (call, callback) => {
    let response: Response;
    try {
      response = answer(call.request, call.metadata);
    } catch (error) {
      callback(
        error instanceof Refusal
          ? { code: error.code, details: error.message }
          : { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) },
      );
      return;
    }
    callback(null, response);
  };
}

/** The call's idempotency key, if it bears one. */
export function idempotencyKey(metadata: Metadata): string | undefined {
  return metadata.get("idempotency-key")[0]?.toString() || undefined;
}

/** The idempotency key of a call that can't do without: it could not be repeated safely. */
export function requiredIdempotencyKey(metadata: Metadata): string {
  const key = idempotencyKey(metadata);
  if (key === undefined) throw new Refusal(status.INVALID_ARGUMENT, "missing metadata idempotency-key");
  return key;
}
