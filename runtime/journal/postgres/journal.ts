import { randomUUID } from "node:crypto";
import { SagaError } from "../../core/errors.js";
import { Batcher } from "../batcher.js";
import { type InFlightRow, toInFlight } from "../in-flight.js";
import type {
  Entry,
  FirstEntry,
  IdleSaga,
  MessageStore,
  SagasInFlight,
  SharedJournal,
  StoredMessage,
  StoredPhase,
  StoredSaga,
  TakenOver,
} from "../journal.js";
import { decodeAnswer } from "../record.js";
import { type Connection, connect, Database, readConnection, setUp } from "./connect.js";
import { openingError, unavailable } from "./errors.js";
import { Lease } from "./lease.js";
import { migrate, migrations, schemaVersion } from "./migrate.js";
import { type Sql, type Statements, statements } from "./sql.js";
import { EntryStore, type MessageRow, type Stored, toMessage, writingLanes } from "./store.js";
import { Watcher } from "./watch.js";

/** A journal on PostgreSQL. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`, with TLS as in node-postgres (`?sslmode=verify-full&sslrootcert=…`).
   * What is left out is taken from PGHOST, PGPASSWORD and so on. It may lead to PgBouncer in session or transaction
   * mode.
   */
  readonly url: string;
  /** Identifies this server among those that share the journal; the same after a restart. */
  readonly podId: string;
  /** The largest number of connections, at least 2. Default: 5 */
  readonly poolSize?: number;
  /** The schema of the tables; created if it does not exist. Default: `protosaga` */
  readonly schema?: string;
  /** How long this server may be silent before others take over its sagas, ms. Default: 15,000 */
  readonly leaseMs?: number;
  /** How long work is tried again on other connections before it is refused, ms. Default: 10,000 */
  readonly giveUpAfterMs?: number;
  /** Called with transient errors: lost connections, and work that is tried again. */
  readonly onError?: (error: Error) => void;
}

/**
 * Opens the journal that several servers share, on PostgreSQL 12 or newer.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_JOURNAL_NEWER, SAGA_POD_ID_TAKEN or SAGA_JOURNAL_UNAVAILABLE; none of
 *   them contains the password
 */
export async function openPostgresJournal(options: PostgresOptions): Promise<SharedJournal> {
  const { url, podId, schema = "protosaga", onError = () => {} } = options;
  const connection = readConnection(url, podId, schema);
  try {
    const ownSessions = await prepare(connection, schema, onError);
    const journal = new PostgresJournal(connection, schema, ownSessions, options);
    await journal.start();
    return journal;
  } catch (error) {
    throw openingError(connection.place, error);
  }
}

/** What an inspection of a journal found. */
export interface PostgresInspection {
  /** Host, database and schema, for people. */
  readonly place: string;
  /** Undefined if the schema has no journal. */
  readonly inFlight: readonly SagasInFlight[] | undefined;
}

/**
 * Reads what is in flight in a journal in a read-only transaction. No lease is taken and no table created or migrated.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE; none of them contains the
 *   password
 */
export async function inspectPostgresJournal(url: string, schema: string): Promise<PostgresInspection> {
  const connection = readConnection(url, "inspect", schema);
  try {
    const client = await connect(connection);
    try {
      await client.query("BEGIN READ ONLY");
      const exists = (await schemaVersion(client, schema, migrations.length)) > 0;
      const rows = exists ? (await client.query<InFlightRow>(statements(schema).inFlight.text)).rows : undefined;
      return { place: `schema ${schema} of ${connection.place}`, inFlight: rows && toInFlight(rows) };
    } finally {
      await client.end().catch(() => {});
    }
  } catch (error) {
    throw openingError(connection.place, error);
  }
}

/**
 * Creates or migrates the tables, and checks what the server can promise.
 * @returns whether sessions belong to one connection each: no pooler is in between
 */
async function prepare(connection: Connection, schema: string, onError: (error: Error) => void): Promise<boolean> {
  // Another pod may migrate for longer than a statement usually takes.
  const client = await connect({ ...connection, config: { ...connection.config, query_timeout: 300_000 } });
  try {
    const ownSessions = await setUp(client);
    if (ownSessions) {
      await client.query("SET statement_timeout = 0");
    }
    const { rows } = await client.query<{ fsync: string; encoding: string }>(
      "SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding",
    );
    if (rows[0]?.encoding !== "UTF8") {
      throw new SagaError(
        "SAGA_CONFIG_INVALID",
        `the database at ${connection.place} has the encoding ${rows[0]?.encoding}; create one with UTF8`,
      );
    }
    if (rows[0].fsync !== "on") {
      onError(new Error(`the server at ${connection.place} has fsync off: a power cut may lose what it stored`));
    }
    await migrate(client, schema);
    return ownSessions;
  } finally {
    await client.end().catch(() => {});
  }
}

interface SagaRow {
  readonly id: string;
  readonly record: Buffer;
  /** Null in the rows of later records, as all that follows. */
  readonly facade: string | null;
  readonly fingerprint: string;
  readonly request: Buffer;
  readonly phase: StoredPhase;
  readonly answer: Buffer | null;
  readonly owner: string;
}

/** Functions are own properties, so that `{...journal}` is a journal, too. */
class PostgresJournal implements SharedJournal {
  readonly shared = true;
  readonly leaseMs: number;
  readonly messages: MessageStore;
  readonly #podId: string;
  readonly #sql: Statements;
  readonly #writing: Database;
  /** Connections of their own for reads, so that a start that reads thousands of sagas doesn't delay entries. */
  readonly #reading: Database;
  readonly #entries: EntryStore;
  readonly #lease: Lease;
  readonly #watcher: Watcher;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(connection: Connection, schema: string, ownSessions: boolean, options: PostgresOptions) {
    const { podId, poolSize = 5, giveUpAfterMs = 10_000, leaseMs = 15_000, onError = () => {} } = options;
    const forWriting = Math.max(1, Math.min(writingLanes + 1, poolSize - 1));
    const shared = { giveUpAfterMs, ownSessions, onError };
    this.leaseMs = leaseMs;
    this.#podId = podId;
    this.#sql = statements(schema);
    this.#writing = new Database(connection, { ...shared, size: forWriting });
    this.#reading = new Database(connection, { ...shared, size: Math.max(1, poolSize - forWriting) });
    this.#entries = new EntryStore(this.#writing, this.#sql, podId);
    this.#lease = new Lease({ database: this.#reading, sql: this.#sql, podId, leaseMs, onError });
    this.#watcher = new Watcher(this.#reading, this.#sql, podId, onError);
    this.messages = this.#createMessageStore();
  }

  /** @throws SagaError SAGA_POD_ID_TAKEN; the journal is closed then */
  async start(): Promise<void> {
    try {
      await this.#lease.start();
    } catch (error) {
      await Promise.all([this.#writing.close(), this.#reading.close()]);
      throw error;
    }
  }

  readonly create = (entry: FirstEntry): Promise<Stored> => this.#whileOpen(() => this.#entries.store(entry, entry));

  readonly append = (entry: Entry): Promise<readonly StoredMessage[]> =>
    this.#whileOpen(async () => {
      if (entry.seq < 1) {
        const reason = new RangeError(`entry ${entry.seq} of saga ${entry.sagaId} is not a later entry`);
        throw unavailable("written", reason);
      }
      const stored = await this.#entries.store(entry);
      return stored === "exists" ? [] : stored;
    });

  readonly load = async (sagaId: string): Promise<StoredSaga | undefined> => (await this.loadMany([sagaId]))[0];

  readonly loadMany = async (sagaIds: readonly string[]): Promise<readonly StoredSaga[]> => {
    // PostgreSQL has no text with a NUL, and so no such saga.
    const rows = await this.#read<SagaRow>(this.#sql.load, [sagaIds.filter((id) => !id.includes("\0"))]);
    try {
      return toSagas(rows, this.#podId);
    } catch (error) {
      throw unavailable("read", error);
    }
  };

  /** Not tried again: the caller asks again for what is left. */
  readonly removeEnded = (keepMs: number, limit: number): Promise<number> =>
    this.#once("written", () =>
      this.#reading.transaction(async (query) => {
        const ended = await query<{ id: string }>(this.#sql.lockEnded, [keepMs / 1_000, limit]);
        if (ended.length > 0) {
          await query(this.#sql.removeLocked, [ended.map(({ id }) => id)]);
        }
        return ended.length;
      }),
    );

  readonly list = async (phase: "open" | "stuck"): Promise<readonly string[]> => {
    const [sql, values] = phase === "open" ? [this.#sql.listOpen, [this.#podId]] : [this.#sql.listStuck, []];
    return (await this.#read<{ id: string }>(sql, values)).map(({ id }) => id);
  };

  readonly countOpen = async (facade: string): Promise<number> => {
    const [row] = await this.#read<{ open: string }>(this.#sql.countOpen, [facade]);
    return Number(row?.open ?? 0);
  };

  readonly inFlight = async (): Promise<readonly SagasInFlight[]> =>
    toInFlight(await this.#read<InFlightRow>(this.#sql.inFlight));

  readonly listIdle = async (idleMs: number, limit: number, after: string): Promise<readonly IdleSaga[]> => {
    const values = [this.#podId, idleMs / 1_000, limit, after];
    const rows = await this.#read<{ id: string; entries: number }>(this.#sql.listIdle, values);
    return rows.map(({ id, entries }) => ({ sagaId: id, entries }));
  };

  /** Not tried again: if an answer is lost, what was taken over is found idle. */
  readonly takeOver = (fingerprints: readonly string[], limit: number): Promise<TakenOver> =>
    this.#once("written", () => this.#lease.takeOver(fingerprints, limit));

  readonly release = (fingerprints: readonly string[]): Promise<void> =>
    this.#once("written", async () => void (await this.#reading.query(this.#sql.release, [this.#podId, fingerprints])));

  readonly handOver = (sagaId: string, topic: string): Promise<void> =>
    this.#once("written", async () => void (await this.#reading.query(this.#sql.handOver, [sagaId, topic])));

  readonly onHandOver = (listener: (sagaId: string, topic: string) => void) => this.#watcher.onHandOver(listener);

  readonly watch = (sagaId: string, changed: () => void) => this.#watcher.watch(sagaId, changed);

  readonly clockMs = (): number => this.#lease.clockMs();

  readonly close = (): Promise<void> => {
    this.#closing ??= this.#close();
    return this.#closing;
  };

  async #close(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#watcher.close();
    await this.#lease.close();
    await Promise.all([this.#writing.close(), this.#reading.close()]);
  }

  async #whileOpen<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== undefined) {
      throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", "the journal is closed");
    }
    const running = work();
    this.#inFlight.add(running);
    try {
      return await running;
    } finally {
      this.#inFlight.delete(running);
    }
  }

  /** Runs work that is not tried again. */
  #once<Result>(what: "read" | "written", work: () => Promise<Result>): Promise<Result> {
    return this.#whileOpen(() =>
      work().catch((error) => {
        throw unavailable(what, error);
      }),
    );
  }

  #read<Row extends object>(sql: Sql, values: unknown[] = []): Promise<readonly Row[]> {
    return this.#once("read", () => this.#reading.retry(() => this.#reading.query<Row>(sql, values)));
  }

  #write(sql: Sql, values: unknown[], sinceMs?: number): Promise<unknown> {
    return this.#writing.retry(() => this.#writing.query(sql, values), sinceMs);
  }

  #createMessageStore(): MessageStore {
    const removal = new Batcher<readonly number[], "removed">({
      lanes: 1,
      bytesOf: (ids) => ids.length * 8,
      commit: async (batch, sinceMs) => {
        await this.#write(this.#sql.removeMessages, [batch.flat()], sinceMs);
        return batch.map(() => "removed");
      },
      isItemError: () => false,
      failure: (error) => unavailable("written", error),
    });
    return {
      pending: async () => (await this.#read<MessageRow>(this.#sql.pending, [this.#podId])).map(toMessage),
      remove: (ids) => this.#whileOpen(async () => void (ids.length > 0 && (await removal.run(ids)))),
      addDeadLetter: ({ topic, key, body }, reason) => {
        const values = [topic, withoutNul(key), Buffer.from(body), this.#podId, randomUUID(), withoutNul(reason)];
        return this.#once("written", async () => void (await this.#write(this.#sql.addDeadLetter, values)));
      },
      deadLetters: async (topic) => {
        const rows = await this.#read<MessageRow & { readonly reason: string }>(this.#sql.deadLetters, [topic]);
        return rows.map((row) => ({ ...toMessage(row), reason: row.reason }));
      },
    };
  }
}

/** PostgreSQL's text has no NUL, and a message that can't be read may contain anything. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "\\0");
}

/** @param rows those of each saga one after the other, its first record first */
function toSagas(rows: readonly SagaRow[], podId: string): readonly StoredSaga[] {
  const sagas: (StoredSaga & { readonly records: Uint8Array[] })[] = [];
  for (const { id, record, facade, fingerprint, request, phase, answer, owner } of rows) {
    const last = sagas.at(-1);
    if (facade !== null) {
      sagas.push({
        ...{ sagaId: id, facade, fingerprint, request, phase },
        answer: answer === null ? undefined : decodeAnswer(answer),
        records: [record],
        ownedHere: owner === podId,
      });
    } else if (last?.sagaId === id) {
      last.records.push(record);
    } // Otherwise a record without a saga.
  }
  return sagas;
}
