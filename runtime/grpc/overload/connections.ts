import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Server } from "@grpc/grpc-js";
import type { FrameJudge } from "./frame-filter.js";
import { GatedConnection } from "./gated-connection.js";
import { http2ServersOf } from "./http2-servers.js";

/** The connections of a server's clients. */
export interface Connections {
  /** Reads none of them for a time. @param leftMs how long, asked as time goes on */
  rest(leftMs: () => number): void;
}

/** Has a judge look at what comes over a server's connections, before HTTP/2 does. @param server bound already */
export function gateConnections(server: Server, judge: FrameJudge): Connections {
  const connections = new Set<GatedConnection>();
  let resting = false;

  for (const http2 of http2ServersOf(server)) {
    for (const event of ["connection", "secureConnection"]) {
      const [listener] = http2.listeners(event).filter(({ name }) => name === "connectionListener");
      if (listener !== undefined) {
        http2.removeListener(event, listener as (socket: Socket) => void);
        http2.on(event, (socket: Socket) => {
          const speaksHttp2 = !(socket instanceof TLSSocket) || socket.alpnProtocol === "h2";
          listener.call(http2, speaksHttp2 ? gated(socket) : socket);
        });
      }
    }
  }

  function gated(socket: Socket): GatedConnection {
    const connection = new GatedConnection(socket, judge);
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
    if (resting) {
      connection.rest();
    }
    return connection;
  }

  function goOn(leftMs: () => number): void {
    const ms = leftMs();
    if (ms > 0) {
      setTimeout(goOn, Math.ceil(ms), leftMs);
      return;
    }
    resting = false;
    for (const connection of connections) {
      connection.goOn();
    }
  }

  return {
    rest(leftMs) {
      if (resting) {
        return;
      }
      resting = true;
      for (const connection of connections) {
        connection.rest();
      }
      // What was read already is still to be refused in this turn: only then it is known how long the rest must be.
      setImmediate(goOn, leftMs);
    },
  };
}
