import { type handleUnaryCall, status } from "@grpc/grpc-js";
import { isRefusal } from "protosaga/upstream";

/** Makes a gRPC handler of a plain function: what it returns is the response, what it throws is the status. */
export function unary<Request, Response>(answer: (request: Request) => Response): handleUnaryCall<Request, Response> {
  // If a handler throws, grpc-js never answers the client. So nothing may be thrown here.
  return (call, callback) => {
    let response: Response;
    try {
      response = answer(call.request);
    } catch (error) {
      callback(
        isRefusal(error)
          ? { code: error.status, details: error.message }
          : { code: status.INTERNAL, details: error instanceof Error ? error.message : String(error) },
      );
      return;
    }
    callback(null, response);
  };
}
