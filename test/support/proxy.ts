import { createServer, connect as dial, type Socket } from "node:net";

/** A proxy between a client and a server on this machine that can disturb the traffic. */
export interface HarmfulProxy {
  readonly port: number;
  /**
   * Disturbs the next request that contains the text, once.
   *
   * - `lose-request`: the server never gets it; the client's connection is cut.
   * - `lose-answer`: the server gets it and answers; the client's connection is cut instead.
   * - `delay-request`: the client's connection is cut; the server gets it when `release` is called.
   * @returns resolves when that has happened
   */
  harm(text: string, how: Harm): Promise<void>;
  /**
   * Cuts both connections in the middle of the next request that contains the text, or of its answer, once.
   * @param bytes how many of it get through
   * @returns resolves when that has happened, with the length of the whole; for an answer, of its first piece
   */
  cutWithin(text: string, what: "request" | "answer", bytes: number): Promise<number>;
  /** Passes delayed requests on. Resolves when the server has answered all of them. */
  release(): Promise<void>;
  /** Cuts all connections, and refuses new ones until `restore`. */
  cut(): void;
  restore(): void;
  /** Keeps all connections open but passes nothing on, as a lost network does. New connections work. */
  freeze(): void;
  /** Passes on again what was frozen. */
  thaw(): void;
  /** Delays all bytes from now on, ms; 0 ends the delay. */
  delay(ms: number): void;
  close(): Promise<void>;
}

/** What happens to a request. */
export type Harm = "lose-request" | "lose-answer" | "delay-request";

/** Starts a proxy before the server on a port. */
export async function startProxy(target: number): Promise<HarmfulProxy> {
  const sockets = new Set<Socket>();
  let planned: { text: string; how: Harm; done: () => void } | undefined;
  let cutting: { text: string; what: "request" | "answer"; bytes: number; done: (length: number) => void } | undefined;
  let delayed: (() => Promise<void>)[] = [];
  let refusing = false;
  let lateMs = 0;

  /** Passes bytes on to a socket in order, also if the delay changes. */
  const passOn = (socket: Socket) => {
    const waiting: Buffer[] = [];
    let due = 0;
    return (bytes: Buffer) => {
      due = Math.max(due, Date.now() + lateMs);
      const wait = due - Date.now();
      if (wait === 0 && waiting.length === 0) {
        socket.write(bytes);
        return;
      }
      waiting.push(bytes);
      // Timers that are due at the same time may fire in any order, so each passes on the oldest bytes.
      setTimeout(() => socket.write(waiting.shift() ?? ""), wait);
    };
  };

  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = dial(target, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        sockets.delete(one);
        if (!held) other.destroy();
      });
    }
    let held = false;
    const [toServer, toClient] = [passOn(upstream), passOn(client)];
    upstream.on("data", toClient);
    client.on("data", (bytes) => {
      if (cutting !== undefined && bytes.includes(cutting.text)) {
        const { what, bytes: through, done } = cutting;
        cutting = undefined;
        const cutAfter = (piece: Buffer, to: Socket) => {
          to.write(piece.subarray(0, through), () => {
            client.destroy();
            upstream.destroy();
            done(piece.length);
          });
        };
        if (what === "request") {
          cutAfter(bytes, upstream);
        } else {
          upstream.removeAllListeners("data");
          upstream.once("data", (answer) => cutAfter(answer, client));
          upstream.write(bytes);
        }
        return;
      }
      if (planned === undefined || !bytes.includes(planned.text)) {
        toServer(bytes);
        return;
      }
      const { how, done } = planned;
      planned = undefined;
      if (how === "lose-request") {
        upstream.destroy();
        client.destroy();
        done();
        return;
      }
      held = true;
      upstream.removeAllListeners("data");
      const send = () =>
        new Promise<void>((resolve) => {
          upstream.once("data", () => resolve());
          upstream.once("close", () => resolve());
          upstream.write(bytes);
        }).then(() => void upstream.destroy());
      if (how === "delay-request") {
        delayed.push(send);
        client.destroy();
        done();
        return;
      }
      void send().then(() => {
        client.destroy();
        done();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    harm: (text, how) =>
      new Promise((done) => {
        planned = { text, how, done };
      }),
    cutWithin: (text, what, bytes) =>
      new Promise((done) => {
        cutting = { text, what, bytes, done };
      }),
    async release() {
      const all = delayed;
      delayed = [];
      await Promise.all(all.map((send) => send()));
    },
    cut() {
      refusing = true;
      for (const socket of sockets) socket.destroy();
    },
    restore() {
      refusing = false;
    },
    freeze() {
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      for (const socket of sockets) socket.resume();
    },
    delay(ms) {
      lateMs = ms;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
