import { randomUUID } from "node:crypto";
import { SagaError } from "../../core/errors.js";
import { Batcher } from "../batcher.js";
import type { Entry, FirstEntry, StoredMessage } from "../journal.js";
import { encodeAnswer } from "../record.js";
import type { Database } from "./connect.js";
import { isTransient, unavailable } from "./errors.js";
import type { Statements } from "./sql.js";

/** The messages of an entry that was stored, or that its saga exists already. */
export type Stored = readonly StoredMessage[] | "exists";

interface Item {
  readonly entry: Entry;
  /** The same, if it is the first entry of a saga. */
  readonly first: FirstEntry | undefined;
  readonly answer: Uint8Array | null;
  /** Identifies the call that brought it. */
  readonly writer: string;
}

/** How many transactions of entries are in flight at once: while one is committed, the next one runs. */
export const writingLanes = 2;

/** Stores entries in shared transactions. */
export class EntryStore {
  readonly #database: Database;
  readonly #sql: Statements;
  readonly #podId: string;
  readonly #batcher: Batcher<Item, Stored>;

  constructor(database: Database, sql: Statements, podId: string) {
    this.#database = database;
    this.#sql = sql;
    this.#podId = podId;
    this.#batcher = new Batcher<Item, Stored>({
      lanes: writingLanes,
      keyOf: ({ entry }) => entry.sagaId,
      bytesOf: ({ entry, first }) => entry.record.length + (first?.request.length ?? 0),
      commit: (batch, sinceMs, again) =>
        database.retry((attempt) => this.#attempt(batch, again || attempt > 1), sinceMs),
      isItemError: (error) => !isTransient(error),
      failure: (error) => unavailable("written", error),
    });
  }

  /** @param first the same entry, if it is the first one of a saga */
  store(entry: Entry, first?: FirstEntry): Promise<Stored> {
    const answer = entry.answer === undefined ? null : encodeAnswer(entry.answer);
    return this.#batcher.run({ entry, first, answer, writer: randomUUID() });
  }

  /** @param again whether an earlier attempt, whose connection died, may have been committed */
  async #attempt(batch: readonly Item[], again: boolean): Promise<readonly (Stored | SagaError)[]> {
    const ids = new Map<string, number[]>();
    const rows = await this.#database.query<{ writer: string; id: string | null }>(this.#sql.store, [
      this.#podId,
      ...valuesOf(batch),
    ]);
    for (const { writer, id } of rows) {
      const list = ids.get(writer) ?? [];
      ids.set(writer, id === null ? list : [...list, Number(id)]);
    }
    const refused = batch.filter(({ writer }) => !ids.has(writer));
    const earlier = again && refused.length > 0 ? await this.#findEarlier(refused) : undefined;
    return batch.map((item) => {
      const own = ids.get(item.writer);
      return own === undefined ? (earlier?.get(item.writer) ?? refusal(item)) : numbered(item, own);
    });
  }

  /** What an earlier attempt has stored: rows name their writer. */
  async #findEarlier(items: readonly Item[]): Promise<ReadonlyMap<string, StoredMessage[]>> {
    const writers = items.map(({ writer }) => writer);
    const rows = await this.#database.query<{ writer: string }>(this.#sql.findWriters, [
      items.map(({ entry }) => entry.sagaId),
      writers,
      items.map(({ entry }) => entry.seq),
    ]);
    const found = new Map(rows.map((row): [string, StoredMessage[]] => [row.writer, []]));
    if (found.size > 0 && items.some(({ entry }) => entry.messages.length > 0)) {
      const values = [this.#podId, writers];
      for (const row of await this.#database.query<MessageRow & { writer: string }>(this.#sql.findSent, values)) {
        found.get(row.writer)?.push(toMessage(row));
      }
    }
    return found;
  }
}

/** A row of the table of messages. */
export interface MessageRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly body: Buffer;
}

/** A row as the message that it is. */
export function toMessage({ id, topic, key, body }: MessageRow): StoredMessage {
  return { id: Number(id), topic, key, body: body.toString("utf8") };
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
  return entry.messages.map((message, at) => ({ ...message, id: ids[at] ?? -1 }));
}

function refusal({ entry: { sagaId, seq }, first }: Item): "exists" | SagaError {
  return first === undefined
    ? new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${sagaId} already has an entry ${seq}, or was removed`)
    : "exists";
}
