import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { type Connection, connect } from "./connect.js";
import { findMissed } from "./missed.js";
import { decodeHandOver, decodeNotice } from "./notice.js";

/** Hears of sagas that other processes have moved on. */
export interface Listening {
  /** As the journal's `onChange`. */
  add(listener: (sagaId: string) => void, heeds: () => Iterable<string>): () => void;
  /** Hears of messages that others hand over to this pod. */
  addHandOver(listener: (sagaId: string, topic: string) => void): () => void;
  close(): Promise<void>;
}

/** How listening works. */
export interface ListenOptions {
  readonly connection: Connection;
  readonly channel: string;
  readonly podId: string;
  /** Of this process's own writes. */
  readonly prefix: string;
  readonly onError: (error: Error) => void;
}

/** How often the connection is asked whether it lives, and how long it may take to answer, ms. */
const heartbeatMs = 3_000;
/** The wait after a connection that failed; it doubles with each, ms. */
const firstWaitMs = 50;
const longestWaitMs = 2_000;
/**
 * Listens on a connection of its own, which is made anew whenever it is lost; what was written meanwhile to the sagas that
 * somebody heeds here is then looked up in the tables. Resolves once it listens.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { connection, channel, podId, prefix, onError } = options;
  /** With what tells which sagas each of them heeds. */
  const listeners = new Map<(sagaId: string) => void, () => Iterable<string>>();
  const takers = new Set<(sagaId: string, topic: string) => void>();
  const closing = new AbortController();
  /** By the database's clock: until then nothing was missed. */
  let heardUntil: string;

  function tell(sagaIds: readonly string[]): void {
    for (const id of sagaIds) {
      for (const listener of listeners.keys()) {
        listener(id);
      }
    }
  }

  async function open(): Promise<pg.Client> {
    const client = await connect(connection);
    client.on("notification", ({ payload = "" }) => {
      tell(decodeNotice(prefix, payload));
      const handed = decodeHandOver(podId, payload);
      for (const taker of handed === undefined ? [] : takers) {
        taker(handed?.sagaId ?? "", handed?.topic ?? "");
      }
    });
    try {
      await client.query(`LISTEN "${channel}"`);
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
    return client;
  }

  async function clock(client: pg.Client): Promise<string> {
    const { rows } = await client.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
    return rows[0]?.now ?? "now";
  }

  async function catchUp(client: pg.Client): Promise<void> {
    const heeded = new Set([...listeners.values()].flatMap((heeds) => [...heeds()]));
    for await (const page of findMissed(client, { heeded, since: heardUntil, prefix })) {
      tell(page);
    }
  }

  /** Resolves when the connection is lost; rejects when it does not answer. */
  async function watch(client: pg.Client): Promise<void> {
    const lost = new AbortController();
    client.once("end", () => lost.abort());
    const ended = AbortSignal.any([lost.signal, closing.signal]);
    while (!ended.aborted) {
      heardUntil = await clock(client);
      await sleep(heartbeatMs, undefined, { signal: ended }).catch(() => {});
    }
  }

  async function keepListening(first: pg.Client): Promise<void> {
    let client: pg.Client | undefined = first;
    for (let failures = 0; !closing.signal.aborted; ) {
      try {
        if (client === undefined) {
          client = await open();
          // Listening already: what is committed from here on is told by its notice.
          await catchUp(client);
          failures = 0;
        }
        await watch(client);
        if (!closing.signal.aborted) {
          throw new Error("the connection that hears of other pods was lost; it is made anew");
        }
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)));
        const waitMs = Math.min(firstWaitMs * 2 ** failures++, longestWaitMs);
        await sleep(waitMs, undefined, { signal: closing.signal }).catch(() => {});
      } finally {
        await client?.end().catch(() => {});
        client = undefined;
      }
    }
  }

  const first = await open();
  heardUntil = await clock(first);
  const running = keepListening(first);
  return {
    add(listener, heeds) {
      // Of its own, so that one function added twice is told twice.
      const own = (sagaId: string) => listener(sagaId);
      listeners.set(own, heeds);
      return () => listeners.delete(own);
    },
    addHandOver(listener) {
      const own = (sagaId: string, topic: string) => listener(sagaId, topic);
      takers.add(own);
      return () => takers.delete(own);
    },
    async close() {
      takers.clear();
      listeners.clear();
      closing.abort();
      await running;
    },
  };
}
