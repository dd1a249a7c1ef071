import { connect as connectPlain, isIP, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Where to connect to, and what to call then. */
export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions | undefined;
  readonly onConnect: () => void;
}

/** How often an idle connection is probed, ms. */
const keepAliveMs = 60_000;

/**
 * A socket whose readers may throw: what is not Kafka answers bytes that the client library can't take, and an exception
 * in a socket's event would end the process. The connection ends instead, with that error.
 */
export function openSocket({ host, port, ssl, onConnect }: SocketOptions): Socket {
  const socket =
    ssl === undefined
      ? connectPlain({ host, port }, onConnect)
      : connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
  socket.setKeepAlive(true, keepAliveMs);
  const on = socket.on.bind(socket) as (event: string, listener: (...args: unknown[]) => void) => Socket;
  const guarded = (event: string, listener: (...args: unknown[]) => void): Socket => {
    if (event !== "data") {
      return on(event, listener);
    }
    return on(event, (...args) => {
      try {
        listener(...args);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        socket.destroy(new Error(`${host}:${port} does not answer as Kafka does: ${why}`));
      }
    });
  };
  // The client library closes a connection that has ended again and again; Node would keep a listener for each time.
  const letGo = socket.unref.bind(socket);
  const unref = (): Socket => (socket.destroyed ? socket : letGo());
  return Object.assign(socket, { on: guarded, addListener: guarded, unref });
}
