import { randomUUID } from "node:crypto";
import type { handleUnaryCall, MethodDefinition, ServerUnaryCall } from "@grpc/grpc-js";
import { isSagaError, SagaError } from "../core/errors.js";
import { type StatusCode, statusName } from "../core/status.js";
import type { Engine } from "../engine/engine.js";
import type { Clock, Log } from "../engine/ports.js";
import type { Codec } from "../facade/codec.js";
import type { FacadeDefinition } from "../facade/definition.js";
import {
  type Authorize,
  asBuffer,
  type CallFailure,
  checkAuthorized,
  checkRequestId,
  errorStatus,
  failureOf,
  isRequestId,
  requestIdKey,
  sentRequestId,
  statusOf,
  traceOf,
} from "./call.js";

/** What facades are called with. */
export interface FacadeHost {
  /** @throws SagaError SAGA_NOT_STARTED */
  engine(): Pick<Engine, "run">;
  readonly log: Log;
  readonly clock: Pick<Clock, "now">;
  readonly authorize: Authorize | undefined;
}

/** A call of a facade, by a gRPC client or by the program itself. */
interface FacadeCall {
  /** Not checked yet. */
  readonly requestId: string;
  /** What the caller knows the request id by, for errors. */
  readonly idName: string;
  readonly request: Uint8Array;
  /** ms since the Unix epoch. */
  readonly deadlineAtMs: number | undefined;
  readonly traceparent: string | undefined;
}

/** How the call of a facade ended. */
type FacadeAnswer =
  | { readonly ok: true; readonly response: Uint8Array }
  | { readonly ok: false; readonly failure: CallFailure };

/** Starts the saga of a call, or joins it, and logs why it failed. Never rejects. */
async function callFacade(host: FacadeHost, facade: FacadeDefinition, call: FacadeCall): Promise<FacadeAnswer> {
  const { requestId, idName, request, deadlineAtMs } = call;
  try {
    const fix = "send the same id with every attempt of one request, and another with another request";
    const sagaId = checkRequestId(requestId, idName, fix);
    const message = decode(facade, request);
    const traceparent = traceOf(call.traceparent);
    const answer = await host.engine().run(facade, { sagaId, request, message, deadlineAtMs, traceparent });
    if (answer.ok) {
      return answer;
    }
    const { step } = answer;
    const { code: status, reason, message: text } = answer.failure;
    host.log.info(
      { saga: sagaId, facade: facade.name, step, status: statusName(status), reason },
      `saga failed: ${text}`,
    );
    return { ok: false, failure: { status, reason, message: text, sagaId, step } };
  } catch (error) {
    return refused(host.log, facade, requestId, error);
  }
}

/** Logs an error, and answers with what the client sees of it. */
function refused(log: Log, { name: facade }: FacadeDefinition, requestId: string, error: unknown): FacadeAnswer {
  const failure = failureOf(error, isRequestId(requestId) ? requestId : undefined);
  const about = { saga: failure.sagaId, facade, status: statusName(failure.status) };
  if (isSagaError(error)) {
    // An overloaded server has no time to write a line about each call that it refuses.
    log[error.code === "SAGA_QUEUE_FULL" ? "debug" : "info"]({ ...about, reason: error.code }, error.plain);
  } else {
    log.error({ ...about, err: error }, "call failed because of a bug in protosaga");
  }
  return { ok: false, failure };
}

function decode(facade: FacadeDefinition, bytes: Uint8Array): unknown {
  try {
    return facade.request.decode(bytes);
  } catch (cause) {
    const what = "the request's bytes are not a message of the facade's request type";
    throw new SagaError("SAGA_REQUEST_MALFORMED", what, { cause });
  }
}

/** A method that takes and gives bytes: the journal keeps the request as the client sent it. */
export function bytesMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<Buffer, Uint8Array> {
  return {
    ...method,
    requestSerialize: (bytes) => bytes,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: asBuffer,
    responseDeserialize: (bytes) => bytes,
  };
}

/** Answers the gRPC calls of a facade by running its sagas. */
export function facadeHandler(host: FacadeHost, facade: FacadeDefinition): handleUnaryCall<Buffer, Uint8Array> {
  const { authorize, log } = host;
  return (call, callback) => {
    const requestId = sentRequestId(call.metadata);
    const start = () =>
      callFacade(host, facade, {
        requestId,
        idName: `metadata ${requestIdKey}`,
        request: call.request,
        deadlineAtMs: deadlineOf(call),
        traceparent: call.metadata.get("traceparent")[0]?.toString(),
      });
    const answer =
      authorize === undefined
        ? start()
        : checkAuthorized(authorize, call, requestId, log).then(start, (error) =>
            refused(log, facade, requestId, error),
          );
    answer
      .then((ended) => (ended.ok ? callback(null, ended.response) : callback(statusOf(ended.failure))))
      .catch((error) => callback(errorStatus(error)));
  };
}

/** The client's deadline, ms since the Unix epoch. */
function deadlineOf(call: ServerUnaryCall<Buffer, Uint8Array>): number | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? deadline : undefined;
}

/** How the program runs a saga. */
export interface RunSagaOptions {
  /** The saga's id: the same for every attempt of one request. Default: a random UUID */
  readonly requestId?: string | undefined;
  /** How long the saga may take before its pivot, ms, as a client's deadline. Async facades ignore it. Default: unlimited */
  readonly deadlineMs?: number | undefined;
  /** Stops the wait for the saga when it aborts. The saga continues. */
  readonly signal?: AbortSignal | undefined;
  /** Metadata or HTTP headers of the request that the saga belongs to. `traceparent` is read: the saga joins its trace. */
  readonly metadata?: Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
}

/** Why `run` got no response: the saga failed, or was refused. Its message begins with the reason. */
export class SagaRunError extends Error {
  override readonly name = "SagaRunError";
  /** The gRPC status that a client gets: the failing step's, or that of `reason`. */
  readonly status: StatusCode;
  /** A code of the error catalogue: "SAGA_STEP_FAILED". */
  readonly reason: string;
  readonly sagaId: string;
  /** The step that failed, if one did. */
  readonly step: string | undefined;
  /** The message without the reason. */
  readonly plain: string;

  constructor({ status, reason, message, step }: CallFailure, sagaId: string, options?: ErrorOptions) {
    super(`${reason}: ${message}`, options);
    this.status = status;
    this.reason = reason;
    this.sagaId = sagaId;
    this.step = step;
    this.plain = message;
  }
}

/** Whether a value is a {@link SagaRunError}; by name, so that two copies of the package recognise each other's. */
export function isSagaRunError(value: unknown): value is SagaRunError {
  return value instanceof Error && value.name === "SagaRunError" && "reason" in value;
}

/**
 * Runs a saga for the program.
 * @param own the facade as the engine knows it, with prefixed topics
 * @throws SagaRunError, or the signal's reason if it aborts first
 */
export async function runFacade<Request, Response>(
  host: FacadeHost,
  own: FacadeDefinition,
  facade: FacadeDefinition<Request, Response>,
  request: Request,
  { requestId = randomUUID(), deadlineMs, signal, metadata = {} }: RunSagaOptions,
): Promise<Response> {
  signal?.throwIfAborted();
  const { traceparent } = metadata;
  const answer = callFacade(host, own, {
    requestId,
    idName: "requestId",
    request: encode(facade.request, request, requestId),
    deadlineAtMs: deadlineMs === undefined ? undefined : host.clock.now() + deadlineMs,
    traceparent: typeof traceparent === "object" ? traceparent[0] : traceparent,
  });
  const ended = await unlessAborted(answer, signal);
  if (!ended.ok) {
    throw new SagaRunError(ended.failure, requestId);
  }
  return facade.response.decode(ended.response);
}

/** @throws SagaRunError SAGA_REQUEST_MALFORMED */
function encode<Request>(codec: Codec<Request>, request: Request, requestId: string): Uint8Array {
  try {
    return codec.encode(request).finish();
  } catch (cause) {
    const error = new SagaError("SAGA_REQUEST_MALFORMED", "the request is not a message of the facade's request type");
    throw new SagaRunError(failureOf(error), requestId, { cause });
  }
}

function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) {
    return promise;
  }
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
