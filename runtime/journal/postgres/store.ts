import { SagaError } from "../../core/errors.js";
import type { Entry, FirstEntry, StoredMessage } from "../journal.js";
import type { Database } from "./connect.js";
import { isPassing, unavailable } from "./errors.js";
import type { Retry } from "./retry.js";
import { findSent, findWriters, storeEntries } from "./store-sql.js";

/** An entry on its way to the database. */
export interface Item {
  readonly entry: Entry;
  /** What the first entry of a saga has beside. */
  readonly first: FirstEntry | undefined;
  readonly answer: Uint8Array | null;
  /** Names the call that brought it. */
  readonly writer: string;
}

/** The messages of an entry that was stored, or that its saga is there already. */
export type Stored = readonly StoredMessage[] | "exists";

/** Stores batches of entries. */
export type StoreBatch = (batch: readonly Item[], sinceMs: number) => Promise<readonly (Stored | Error)[]>;

/** What entries are stored with. */
export interface StoreOptions {
  readonly database: Database;
  readonly retry: Retry;
  readonly podId: string;
}

const none: readonly StoredMessage[] = [];

/** Stores entries, each of another saga, as one transaction. */
export function createStore({ database, retry, podId }: StoreOptions): StoreBatch {
  async function attempt(batch: readonly Item[], attemptNumber: number): Promise<readonly (Stored | Error)[]> {
    const ids = new Map<string, number[]>();
    const values = valuesOf(batch);
    for (const row of await database.query<{ writer: string; id: string | null }>({
      name: "store",
      text: storeEntries,
      values: [podId, ...values],
    })) {
      const list = ids.get(row.writer) ?? [];
      ids.set(row.writer, row.id === null ? list : [...list, Number(row.id)]);
    }
    const refused = batch.filter((item) => !ids.has(item.writer));
    // An attempt whose connection died may have been committed all the same: the rows tell by whom they were written.
    const before = attemptNumber > 1 && refused.length > 0 ? await findEarlier(refused) : undefined;
    return batch.map((item) => {
      const own = ids.get(item.writer);
      return own === undefined ? (before?.get(item.writer) ?? refusal(item)) : numbered(item, own);
    });
  }

  /** What an earlier attempt has stored. */
  async function findEarlier(items: readonly Item[]): Promise<ReadonlyMap<string, StoredMessage[]>> {
    const writers = items.map((item) => item.writer);
    const rows = await database.query<{ writer: string }>({
      text: findWriters,
      values: [items.map(({ entry }) => entry.sagaId), writers, items.map(({ entry }) => entry.seq)],
    });
    const found = new Map(rows.map((row): [string, StoredMessage[]] => [row.writer, []]));
    if (found.size > 0 && items.some(({ entry }) => entry.messages.length > 0)) {
      for (const { writer: by, id, topic, key, body } of await database.query<{
        writer: string;
        id: string;
        topic: string;
        key: string;
        body: Buffer;
      }>({ text: findSent, values: [podId, writers] })) {
        found.get(by)?.push({ id: Number(id), topic, key, body: body.toString("utf8") });
      }
    }
    return found;
  }

  /** Something in the batch spoils the whole: each gets a transaction of its own, so that only the culprit fails. */
  async function separate(batch: readonly Item[], sinceMs: number): Promise<readonly (Stored | Error)[]> {
    const results: (Stored | Error)[] = [];
    for (const item of batch) {
      try {
        results.push(...(await retry.run((number) => attempt([item], number + 1), sinceMs)));
      } catch (error) {
        results.push(unavailable("written", error));
      }
    }
    return results;
  }

  return async (batch, sinceMs) => {
    try {
      return await retry.run((number) => attempt(batch, number), sinceMs);
    } catch (error) {
      if (batch.length > 1 && !isPassing(error)) {
        return await separate(batch, sinceMs);
      }
      throw unavailable("written", error);
    }
  };
}

function valuesOf(batch: readonly Item[]): unknown[] {
  const letters = batch.flatMap(({ entry, writer }) => entry.messages.map((message) => ({ writer, ...message })));
  return [
    batch.map(({ entry }) => entry.sagaId),
    batch.map(({ entry }) => entry.seq),
    batch.map(({ entry }) => entry.record),
    batch.map(({ entry }) => entry.phase),
    batch.map(({ answer }) => answer),
    batch.map(({ writer }) => writer),
    batch.map(({ first }) => first?.facade),
    batch.map(({ first }) => first?.fingerprint),
    batch.map(({ first }) => first?.request),
    letters.map(({ writer }) => writer),
    letters.map(({ topic }) => topic),
    letters.map(({ key }) => key),
    letters.map(({ body }) => Buffer.from(body)),
  ];
}

function numbered({ entry }: Item, ids: readonly number[]): readonly StoredMessage[] {
  if (entry.messages.length !== ids.length) {
    throw new TypeError(`saga ${entry.sagaId}: ${entry.messages.length} messages, ${ids.length} ids`);
  }
  return ids.length === 0 ? none : entry.messages.map((message, at) => ({ ...message, id: ids[at] ?? -1 }));
}

function refusal({ entry, first }: Item): "exists" | SagaError {
  return first === undefined
    ? new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${entry.sagaId} has an entry ${entry.seq} already, or is gone`)
    : "exists";
}
