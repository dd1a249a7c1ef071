import { SagaError } from "../../core/errors.js";
import type { Entry, FirstEntry, SharedJournal, StoredMessage } from "../journal.js";
import { encodeAnswer } from "../record.js";
import { type Connection, connect, createPool, readConnection } from "./connect.js";
import { closedError, describeOpening, unavailable } from "./errors.js";
import { createGroupCommit } from "./group-commit.js";
import { keepLease } from "./lease.js";
import { createMessageStore } from "./messages.js";
import { migrate } from "./migrate.js";
import { createReader } from "./read.js";
import { createRemoval } from "./removal.js";
import { createRetry } from "./retry.js";
import { createStore, type Item, type Stored } from "./store.js";
import { Watcher } from "./watch.js";
import { createWriter } from "./writer.js";

/** A journal on PostgreSQL. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`, with TLS as node-postgres has it (`?sslmode=verify-full&sslrootcert=…`).
   * What is left out is taken from PGHOST, PGPASSWORD and so on.
   */
  readonly url: string;
  /** Names this process among those that share the journal; the same after a restart. */
  readonly podId: string;
  /** The most connections for reading and writing, at least 2. Default: 5 */
  readonly poolSize?: number;
  /** The schema that holds the tables, made where there is none. Default: `protosaga` */
  readonly schema?: string;
  /** How long this pod may give no sign of life before others take over what it drives, ms. Default: 15,000 */
  readonly leaseMs?: number;
  /** How long work is tried again on fresh connections before it is refused, ms. Default: 10,000 */
  readonly giveUpAfterMs?: number;
  /** Told of what the journal gets over by itself, or tries to: lost connections, work that is tried again. */
  readonly onError?: (error: Error) => void;
}

/**
 * The journal that several pods share, on PostgreSQL 12 or newer.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_JOURNAL_NEWER or SAGA_JOURNAL_UNAVAILABLE; none of them tells the password
 */
export async function openPostgresJournal(options: PostgresOptions): Promise<SharedJournal> {
  const { url, podId, schema = "protosaga", onError = () => {} } = options;
  const connection = readConnection(url, podId, schema);
  try {
    await prepare(connection, onError);
    return await journalOn(connection, options);
  } catch (error) {
    throw describeOpening(connection.place, error);
  }
}

/** Has the tables made, and looks at what the server can promise. */
async function prepare(connection: Connection, onError: (error: Error) => void): Promise<void> {
  // Another pod may be at the tables for longer than a statement of the daily work should take.
  const patient = { ...connection.config, statement_timeout: 0, query_timeout: 300_000 };
  const client = await connect({ ...connection, config: patient });
  try {
    const { rows } = await client.query<{ fsync: string; encoding: string }>(
      "SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding",
    );
    if (rows[0]?.encoding !== "UTF8") {
      throw new SagaError(
        "SAGA_CONFIG_INVALID",
        `the database at ${connection.place} has the encoding ${rows[0]?.encoding}; make one with UTF8`,
      );
    }
    if (rows[0].fsync !== "on") {
      onError(new Error(`the server at ${connection.place} has fsync off: a power cut there may lose what it stored`));
    }
    await migrate(client, connection.schema);
  } finally {
    await client.end().catch(() => {});
  }
}

async function journalOn(connection: Connection, options: PostgresOptions): Promise<SharedJournal> {
  const { podId, poolSize = 5, giveUpAfterMs = 10_000, leaseMs = 15_000, onError = () => {} } = options;
  const writer = createWriter();
  // Of their own, so that a start that reads thousands of sagas holds no entry up.
  const writing = createPool(connection, Math.max(1, Math.min(writingLanes + 1, poolSize - 1)), onError);
  const reading = createPool(connection, Math.max(1, poolSize - writingLanes - 1), onError);
  const retry = createRetry(giveUpAfterMs, onError);
  const reader = createReader(reading, retry, podId);
  const group = createGroupCommit<Item, Stored>({
    lanes: writingLanes,
    keyOf: ({ entry }) => entry.sagaId,
    bytesOf: ({ entry, first }) => entry.record.length + (first?.request.length ?? 0),
    commit: createStore({ database: writing, retry, podId }),
  });
  const messages = createMessageStore({ reading, writing, retry, podId, writer });
  const lease = await keepLease({ database: reading, retry, podId, leaseMs, onError });
  const watcher = new Watcher(reading, podId, onError);
  const removeEnded = createRemoval(reading);
  let closing: Promise<void> | undefined;

  const underWay = new Set<Promise<unknown>>();

  async function whileOpen<Result>(work: () => Promise<Result>): Promise<Result> {
    if (closing !== undefined) {
      throw closedError();
    }
    const running = work();
    underWay.add(running);
    try {
      return await running;
    } finally {
      underWay.delete(running);
    }
  }

  async function write(entry: Entry, first?: FirstEntry): Promise<Stored> {
    const answer = entry.answer === undefined ? null : encodeAnswer(entry.answer);
    return group.run({ entry, first, answer, writer: writer.next() });
  }

  async function append(entry: Entry): Promise<readonly StoredMessage[]> {
    if (entry.seq < 1) {
      throw unavailable(
        "written",
        new RangeError(`entry ${entry.seq} of saga ${entry.sagaId} is the one that makes it`),
      );
    }
    const stored = await write(entry);
    return stored === "exists" ? [] : stored;
  }

  async function close(): Promise<void> {
    await Promise.allSettled(underWay);
    await watcher.close();
    await lease.close();
    await Promise.all([writing.close(), reading.close()]);
  }

  return {
    create: (entry) => whileOpen(() => write(entry, entry)),
    append: (entry) => whileOpen(() => append(entry)),
    load: (sagaId) => whileOpen(() => reader.load(sagaId)),
    loadMany: (sagaIds) => whileOpen(() => reader.loadMany(sagaIds)),
    removeEnded: (keepMs, limit) => whileOpen(() => removeEnded(keepMs, limit)),
    list: (phase) => whileOpen(() => reader.list(phase)),
    countOpen: (facade) => whileOpen(() => reader.countOpen(facade)),
    inFlight: () => whileOpen(() => reader.inFlight()),
    shared: true,
    clockMs: lease.clockMs,
    leaseMs,
    takeOver: (fingerprints, limit) => whileOpen(() => lease.takeOver(fingerprints, limit)),
    listIdle: (idleMs, limit, after) => whileOpen(() => lease.listIdle(idleMs, limit, after)),
    release: (fingerprints) => whileOpen(() => lease.release(fingerprints)),
    handOver: (sagaId, topic) => whileOpen(() => lease.handOver(sagaId, topic)),
    watch: (sagaId, changed) => watcher.watch(sagaId, changed),
    onHandOver: (listener) => watcher.onHandOver(listener),
    messages: {
      pending: () => whileOpen(() => messages.pending()),
      remove: (ids) => whileOpen(() => messages.remove(ids)),
      addDeadLetter: (message, reason) => whileOpen(() => messages.addDeadLetter(message, reason)),
      deadLetters: (topic) => whileOpen(() => messages.deadLetters(topic)),
    },
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** How many transactions of entries are on their way at once: while one is committed, the next is carried out. */
const writingLanes = 2;
