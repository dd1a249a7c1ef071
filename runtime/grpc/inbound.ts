import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Server } from "@grpc/grpc-js";

/** How many calls may be refused in one turn of the event loop before the clients' sockets are no longer read. */
const mostRefusals = 16;

/** How long they then rest: so many times as long as the refusing took, and no longer than so many ms. */
const restFactor = 3;
const longestRestMs = 250;

/** Keeps calls that are only refused from taking the thread that the accepted ones need. */
export interface Inbound {
  /** A call was refused for want of room. */
  refused(): void;
}

/** What reading a socket is begun and ended with, below the streams: HTTP/2 has taken those over. */
interface Readable {
  readStop(): void;
  readStart(): void;
}

/**
 * Node reads a socket for as long as it has something: a backlog of calls is taken in at one go, and each of them is
 * refused while sagas wait for their turn, so that the more is offered, the less is done. After a burst of refusals the
 * clients' sockets are therefore not read for a while. Where grpc-js or Node keep these things elsewhere one day, nothing
 * of this happens.
 * @param server bound already
 */
export function createInbound(server: Server): Inbound {
  const sockets = new Set<Socket>();
  for (const http2 of serversOf(server)) {
    http2.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
  }
  let refusals = 0;
  let sinceMs = 0;

  function endOfTurn(): void {
    const tookMs = performance.now() - sinceMs;
    const stopped = refusals >= mostRefusals;
    refusals = 0;
    if (stopped) {
      setTimeout(resume, Math.min(longestRestMs, restFactor * tookMs));
    }
  }

  function resume(): void {
    for (const socket of sockets) {
      handleOf(socket)?.readStart();
    }
  }

  return {
    refused() {
      if (refusals === 0) {
        sinceMs = performance.now();
        setImmediate(endOfTurn);
      }
      refusals++;
      if (refusals === mostRefusals) {
        for (const socket of sockets) {
          handleOf(socket)?.readStop();
        }
      }
    },
  };
}

function serversOf(server: Server): readonly Http2Server[] {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server, unknown> };
  return http2Servers === undefined ? [] : [...http2Servers.keys()];
}

function handleOf(socket: Socket): Readable | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Readable | null };
  return typeof handle?.readStop === "function" ? handle : undefined;
}
