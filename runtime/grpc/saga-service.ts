import type { ServerUnaryCall, ServerWritableStream, StatusObject } from "@grpc/grpc-js";
import { isSagaError } from "../core/errors.js";
import { statusName } from "../core/status.js";
import type { Log } from "../engine/ports.js";
import type { SagaService } from "../facade/definition.js";
import { readSaga, type SagaSource, type Watch, watchSaga } from "../operate/watch-saga.js";
import {
  type GetSagaRequest,
  type SagaServiceServer,
  SagaServiceService,
  type WatchSagaRequest,
  type WatchSagaResponse,
} from "../pb/saga/v1/service.js";
import { sagaServiceDescriptors } from "../pb/saga/v1/service-descriptors.js";
import { type Authorize, checkAuthorized, checkRequestId, errorStatus, isRequestId } from "./call.js";
import type { ServiceRegistry } from "./services.js";

/** What health and reflection need of the service. */
export const sagaServiceAbout: Pick<SagaService, "name" | "descriptors"> = {
  name: "saga.v1.SagaService",
  descriptors: sagaServiceDescriptors,
};

/** The service that reports how sagas proceed. */
export interface RunningSagaService {
  addToServer(server: ServiceRegistry): void;
  /** Ends every watch, and each that begins from now on, after the latest state. */
  drain(): void;
}

interface Parts {
  /** @throws SagaError SAGA_NOT_STARTED */
  source(): SagaSource;
  readonly log: Log;
  readonly authorize: Authorize | undefined;
}

/** Makes the SagaService of proto/saga/v1/service.proto. */
export function sagaService({ source, log, authorize }: Parts): RunningSagaService {
  const watches = new Set<Watch>();
  let draining = false;

  function failed(error: unknown, rpc: string, { requestId }: { readonly requestId: string }): StatusObject {
    const sagaId = isRequestId(requestId) ? requestId : undefined;
    const status = errorStatus(error, sagaId);
    const about = { saga: sagaId, rpc, status: statusName(status.code) };
    if (isSagaError(error)) {
      log.info({ ...about, reason: error.code }, error.plain);
    } else {
      log.error({ ...about, err: error }, "call failed because of a bug in protosaga");
    }
    return status;
  }

  /** The saga that a client asks for. */
  async function sagaIdOf(call: ServerCall): Promise<string> {
    if (authorize !== undefined) {
      await checkAuthorized(authorize, call, call.request.requestId, log);
    }
    return checkRequestId(
      call.request.requestId,
      "request_id",
      "send the x-request-id that the saga was started under",
    );
  }

  async function watch(call: ServerWritableStream<WatchSagaRequest, WatchSagaResponse>): Promise<void> {
    const own = watchSaga(source(), await sagaIdOf(call));
    let written = () => {};
    call.on("cancelled", () => {
      own.hangUp();
      written(); // grpc-js does not call back for a write that failed.
    });
    watches.add(own);
    if (draining) {
      own.drain();
    }
    try {
      for await (const saga of own.states()) {
        // Waits until the message has left, so that a slow client gets the newest state only.
        await new Promise<void>((resolve) => {
          written = resolve;
          call.write({ saga }, () => resolve());
        });
      }
      call.end();
    } finally {
      watches.delete(own);
    }
  }

  const handlers: SagaServiceServer = {
    getSaga(call, callback) {
      const answer = async () => ({ saga: await readSaga(source(), await sagaIdOf(call)) });
      answer().then(
        (response) => callback(null, response),
        (error) => callback(failed(error, call.getPath(), call.request)),
      );
    },
    watchSaga(call) {
      watch(call).catch((error) => call.emit("error", failed(error, call.getPath(), call.request)));
    },
  };

  return {
    addToServer: (server) => server.addService(SagaServiceService, handlers),
    drain() {
      draining = true;
      for (const own of watches) {
        own.drain();
      }
    },
  };
}

type ServerCall = Pick<
  ServerUnaryCall<GetSagaRequest | WatchSagaRequest, unknown>,
  "getPath" | "getPeer" | "getAuthContext" | "metadata" | "request"
>;
