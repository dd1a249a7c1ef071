import type { handleUnaryCall, MethodDefinition, ServerUnaryCall } from "@grpc/grpc-js";
import { isSagaError, SagaError } from "../core/errors.js";
import { statusName } from "../core/status.js";
import type { Engine } from "../engine/engine.js";
import type { Log } from "../engine/ports.js";
import type { FacadeDefinition } from "../facade/definition.js";
import { requestIdOf } from "./request-id.js";
import { errorStatus, failureStatus } from "./status.js";
import { traceOf } from "./trace-context.js";

/** A method that takes and gives bytes: the journal keeps the request as the client sent it. */
export function bytesMethod(method: MethodDefinition<unknown, unknown>): MethodDefinition<Buffer, Uint8Array> {
  return {
    ...method,
    requestSerialize: (bytes) => bytes,
    requestDeserialize: (bytes) => bytes,
    responseSerialize: (bytes) =>
      Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length),
    responseDeserialize: (bytes) => bytes,
  };
}

/** Answers the calls of a facade by running its sagas. */
export function facadeHandler(engine: Engine, facade: FacadeDefinition, log: Log): handleUnaryCall<Buffer, Uint8Array> {
  return (call, callback) => {
    let sagaId: string | undefined;
    const fail = (error: unknown) => {
      const status = errorStatus(error, sagaId);
      const about = { saga: sagaId, facade: facade.name, status: statusName(status.code) };
      if (isSagaError(error)) {
        // A server with too much to do has no time to write a line about each call that it refuses.
        log[error.code === "SAGA_QUEUE_FULL" ? "debug" : "info"]({ ...about, reason: error.code }, error.plain);
      } else {
        log.error({ ...about, err: error }, "a call failed by an error of ours");
      }
      callback(status);
    };
    try {
      const id = requestIdOf(call.metadata);
      sagaId = id;
      const running = engine.run(facade, {
        sagaId: id,
        request: call.request,
        message: decode(facade, call.request),
        deadlineAtMs: deadlineOf(call),
        traceparent: traceOf(call.metadata.get("traceparent")[0]?.toString()),
      });
      running
        .then((answer) => {
          if (answer.ok) {
            callback(null, answer.response);
          } else {
            const { code, reason, message } = answer.failure;
            const about = { saga: id, facade: facade.name, step: answer.step, status: statusName(code), reason };
            log.info(about, `saga failed: ${message}`);
            callback(failureStatus(id, answer));
          }
        }, fail)
        .catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}

function decode(facade: FacadeDefinition, bytes: Uint8Array): unknown {
  try {
    return facade.request.decode(bytes);
  } catch (error) {
    throw new SagaError(
      "SAGA_REQUEST_MALFORMED",
      "the request's bytes are not a message of the facade's request type",
      {
        cause: error,
      },
    );
  }
}

/** The client's deadline, ms since the Unix epoch. */
function deadlineOf(call: ServerUnaryCall<Buffer, Uint8Array>): number | undefined {
  const deadline = Number(call.getDeadline());
  return Number.isFinite(deadline) ? deadline : undefined;
}
