import { type CallOptions, type Client, type ClientUnaryCall, Metadata, type ServiceError } from "@grpc/grpc-js";

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

/**
 * Calls a method of a ts-proto client: `await callUnary(orders, orders.getOrder, request, { "x-request-id": "a" })`.
 * @param signal the client hangs up when it aborts
 */
export function callUnary<Request, Response>(
  client: Client,
  method: UnaryMethod<Request, Response>,
  request: Request,
  metadata: Readonly<Record<string, string>> = {},
  options: Partial<CallOptions> = {},
  signal?: AbortSignal,
): Promise<Response> {
  const sent = new Metadata();
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
  return new Promise((resolve, reject) => {
    const hangUp = () => call.cancel();
    const call = method.call(client, request, sent, options, (error, response) => {
      signal?.removeEventListener("abort", hangUp);
      if (error) reject(error);
      else resolve(response);
    });
    signal?.addEventListener("abort", hangUp);
  });
}
