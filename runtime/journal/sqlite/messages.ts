import type { Message, MessageStore, StoredMessage } from "../journal.js";
import type { Sqlite } from "./open.js";

/** Stores messages inside the transaction that is open. */
export type StoreMessages = (messages: readonly Message[]) => readonly StoredMessage[];

/** How the journal reads and writes its database. */
export interface Access {
  read<Result>(query: () => Result): Promise<Result>;
  /** Resolves once the work is on disk. */
  write<Result>(work: () => Result): Promise<Result>;
}

interface DeadRow extends Omit<StoredMessage, "body"> {
  readonly body: string | ArrayBuffer;
  readonly reason: string;
}

/** The messages' table. */
export function createMessageStore(
  db: Sqlite,
  reader: Sqlite,
  { read, write }: Access,
): { readonly store: StoreMessages; readonly messages: MessageStore } {
  const insert = db.prepare("INSERT INTO message (topic, key, body) VALUES (?, ?, ?)");
  const select = reader.prepare("SELECT id, topic, key, body FROM message WHERE dead_reason IS NULL ORDER BY id");
  const forget = db.prepare("DELETE FROM message WHERE id = ?");
  const insertDead = db.prepare(
    "INSERT INTO message (topic, key, body, dead_reason) VALUES (? || '.dead-letter', ?, ?, ?)",
  );
  const selectDead = reader.prepare(
    "SELECT id, topic, key, body, dead_reason AS reason FROM message WHERE topic = ? || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id",
  );
  const none: readonly StoredMessage[] = [];

  function store(messages: readonly Message[]): readonly StoredMessage[] {
    if (messages.length === 0) {
      return none;
    }
    return messages.map((message) => {
      const { lastInsertRowid } = insert.run(message.topic, message.key, message.body);
      return { ...message, id: Number(lastInsertRowid) };
    });
  }

  return {
    store,
    messages: {
      pending: () => read(() => select.all() as StoredMessage[]),
      remove: (ids) =>
        write(() => {
          for (const id of ids) {
            forget.run(id);
          }
        }),
      addDeadLetter: ({ topic, key, body }, reason) =>
        write(() => {
          // libsql cuts a text at a NUL, and what can't be read may hold anything.
          const exact = body.includes("\0") ? Buffer.from(body) : body;
          insertDead.run(topic, key, exact, reason.replaceAll("\0", "\\0"));
        }),
      deadLetters: (topic) =>
        read(() =>
          (selectDead.all(topic) as DeadRow[]).map((row) => ({
            ...row,
            body: typeof row.body === "string" ? row.body : Buffer.from(row.body).toString("utf8"),
          })),
        ),
    },
  };
}
