import { type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { type Saga, SagaServiceClient, type WatchSagaResponse } from "../../../runtime/pb/saga/v1/service.js";
import { callUnary } from "../../support/call-unary.js";
import type { Scope } from "../../support/scope.js";
import { type Ended, ended } from "./booking-server.js";

/** A watch as a client sees it. */
export interface Watching {
  /** The received states. */
  readonly states: readonly Saga[];
  /** How the stream ended. */
  readonly over: Promise<Ended>;
  readonly stream: ClientReadableStream<WatchSagaResponse>;
}

/** A client of the SagaService. */
export interface SagaClient {
  get(requestId: string): Promise<Saga>;
  /** How a call of GetSaga ends that may fail. */
  ask(requestId: string): Promise<Ended>;
  watch(requestId: string): Watching;
}

/** Connects a client; it is closed with the test. */
export function connectSagaClient(scope: Scope, address: string): SagaClient {
  const client = scope.use(new SagaServiceClient(address, credentials.createInsecure()));
  const call = (requestId: string) => callUnary(client, client.getSaga, { requestId });
  return {
    ask: (requestId) => ended(call(requestId)),
    async get(requestId) {
      const { saga } = await call(requestId);
      if (saga === undefined) {
        throw new Error("an answer without a saga");
      }
      return saga;
    },
    watch(requestId) {
      const states: Saga[] = [];
      const stream = client.watchSaga({ requestId });
      const over = new Promise<void>((resolve, reject) => {
        stream.on("data", ({ saga }: WatchSagaResponse) => saga && states.push(saga));
        stream.on("error", reject);
        stream.on("end", resolve);
      });
      return { states, stream, over: ended(over) };
    },
  };
}
