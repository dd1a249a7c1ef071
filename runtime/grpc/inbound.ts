import type { Socket } from "node:net";
import type { Server } from "@grpc/grpc-js";
import { createBudget } from "./budget.js";
import { http2ServersOf } from "./http2-servers.js";

/**
 * How much may be refused in a millisecond on the average, and how much at once, in calls that are refused at the gate: at
 * some 0.03 ms each that takes a fourth of the thread.
 */
const perMs = 8;
const atOnce = 160;

/** What a call costs that is refused the whole way. */
const wholeWay = 4;

/** Keeps calls that are only refused from taking the thread that the accepted ones need. */
export interface Inbound {
  /** A call was refused for want of room. @param at where: how much that cost hangs on it */
  refused(at: "gate" | "engine"): void;
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
  for (const http2 of http2ServersOf(server)) {
    http2.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
  }
  const budget = createBudget({ perMs, atOnce });
  let resting = false;

  function rest(): void {
    const owedMs = budget.owedMs();
    if (owedMs > 0) {
      setTimeout(rest, Math.ceil(owedMs));
      return;
    }
    resting = false;
    for (const socket of sockets) {
      handleOf(socket)?.readStart();
    }
  }

  return {
    refused(at) {
      if (!budget.take(at === "gate" ? 1 : wholeWay) && !resting) {
        resting = true;
        for (const socket of sockets) {
          handleOf(socket)?.readStop();
        }
        // What was read already is still to be refused in this turn: only then it is known how long the rest must be.
        setImmediate(rest);
      }
    },
  };
}

function handleOf(socket: Socket): Readable | undefined {
  const { _handle: handle } = socket as unknown as { _handle?: Readable | null };
  return typeof handle?.readStop === "function" ? handle : undefined;
}
