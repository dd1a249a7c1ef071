import type { Http2Server } from "node:http2";
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { Server } from "@grpc/grpc-js";

/**
 * How many calls may be refused in a millisecond on the average, and how many at once: at some 0.1 ms each, refusing takes
 * a fifth of the thread.
 */
const perMs = 2;
const atOnce = 40;

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
 * Node reads a socket for as long as it has something, and each call that is read is refused while sagas wait for their
 * turn: the more is offered, the less is done. So only so many are refused in a time; past that the clients' sockets
 * are not read for as long as it takes to make up for it, and what is sent meanwhile waits in the network. Where grpc-js or Node keep these things elsewhere one
 * day, nothing of this happens.
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
  let left = atOnce;
  let countedAtMs = performance.now();
  let resting = false;

  function count(): void {
    const now = performance.now();
    left = Math.min(atOnce, left + (now - countedAtMs) * perMs);
    countedAtMs = now;
  }

  function rest(): void {
    count();
    if (left < 0) {
      setTimeout(rest, Math.ceil(-left / perMs));
      return;
    }
    resting = false;
    for (const socket of sockets) {
      handleOf(socket)?.readStart();
    }
  }

  return {
    refused() {
      left--;
      if (left < 0 && !resting) {
        count();
        if (left < 0) {
          resting = true;
          for (const socket of sockets) {
            handleOf(socket)?.readStop();
          }
          // What was read already is still to be refused in this turn: only then it is known how long the rest must be.
          setImmediate(rest);
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
