import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Server } from "@grpc/grpc-js";
import type { SagaError } from "../core/errors.js";
import type { Engine } from "../engine/engine.js";
import type { Log } from "../engine/ports.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { SagaService } from "../facade/service.js";
import { createBudget } from "./budget.js";
import { http2ServersOf } from "./http2-servers.js";
import { isRequestId, requestIdKey } from "./request-id.js";
import { errorStatus } from "./status.js";

/** How many refusals a millisecond are looked into, on the average, and how many at once. */
const perMs = 0.5;
const atOnce = 100;

interface Parts {
  readonly services: readonly SagaService[];
  readonly engine: Pick<Engine, "refusal">;
  readonly log: Log;
  /** Told of each refusal. */
  readonly refused: () => void;
}

/**
 * Refuses calls for want of room before grpc-js has made anything of them, where many are: that costs a third of what the
 * whole way does, by which a refusal first looks whether the journal has an answer under the id. Those within a budget go
 * that way all the same, and those for whose request there is no memory: how large it is shows only there. Where grpc-js
 * keeps its servers elsewhere one day, all do.
 * @param server bound already
 */
export function addGate(server: Server, { services, engine, log, refused }: Parts): void {
  const lookedInto = createBudget({ perMs, atOnce, mostOwed: 0 });
  const byPath = facadesByPath(services);

  /** @returns whether it was refused */
  function refuse(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean {
    const { ":path": path = "", [requestIdKey]: id, "content-type": type } = headers;
    const facade = byPath.get(path);
    if (facade === undefined || typeof id !== "string" || !isRequestId(id) || !type?.startsWith("application/grpc")) {
      return false;
    }
    const refusal = engine.refusal(facade, id);
    if (refusal === undefined || lookedInto.take()) {
      return false;
    }
    refused();
    log.debug({ saga: id, facade: facade.name, reason: refusal.code }, refusal.plain);
    stream.on("error", clientGone);
    // The request still comes in: until it has, the stream does not close.
    stream.resume();
    if (!stream.destroyed && !stream.closed) {
      answer(stream, refusal, id);
    }
    return true;
  }

  for (const http2 of http2ServersOf(server)) {
    const listeners = http2.listeners("stream") as ((...event: unknown[]) => void)[];
    http2.removeAllListeners("stream");
    http2.on("stream", (...event) => {
      const [stream, headers] = event;
      if (!refuse(stream, headers)) {
        for (const listener of listeners) {
          listener.apply(http2, event);
        }
      }
    });
  }
}

function facadesByPath(services: readonly SagaService[]): ReadonlyMap<string, FacadeDefinition> {
  return new Map(
    services.flatMap(({ definition, facades }) =>
      Object.entries(facades).flatMap(([name, facade]) => {
        const path = definition[name]?.path;
        return path === undefined ? [] : [[path, facade] as const];
      }),
    ),
  );
}

/** A call's end without a message (Trailers-Only in https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). */
function answer(stream: ServerHttp2Stream, refusal: SagaError, sagaId: string): void {
  const { code, details, metadata } = errorStatus(refusal, sagaId);
  stream.respond(
    {
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": String(code),
      "grpc-message": encodeURI(details),
      ...metadata.toHttp2Headers(),
    },
    { endStream: true },
  );
}

/** There is nobody to tell. */
function clientGone(): void {}
