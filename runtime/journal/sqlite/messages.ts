import type { MessageStore, Outgoing, StoredMessage } from "../journal.js";
import type { GroupCommit } from "./group-commit.js";
import type { Sqlite } from "./open.js";

/** Stores messages inside the transaction that is open. */
export type StoreMessages = (messages: readonly Outgoing[]) => readonly StoredMessage[];

/** The messages' table. */
export function createMessageStore(
  db: Sqlite,
  group: GroupCommit,
): { readonly store: StoreMessages; readonly messages: MessageStore } {
  const insert = db.prepare("INSERT INTO message (topic, key, body) VALUES (?, ?, ?)");
  const select = db.prepare("SELECT id, topic, key, body FROM message WHERE dead_reason IS NULL ORDER BY id");
  const forget = db.prepare("DELETE FROM message WHERE id = ?");
  const bury = db.prepare(
    "UPDATE message SET topic = topic || '.dead-letter', dead_reason = ? WHERE id = ? AND dead_reason IS NULL",
  );
  const buried = db.prepare(
    "SELECT id, topic, key, body, dead_reason AS reason FROM message WHERE topic = ? || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id",
  );
  const none: readonly StoredMessage[] = [];

  function store(messages: readonly Outgoing[]): readonly StoredMessage[] {
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
      pending: async () => select.all() as StoredMessage[],
      add: (messages) => group.run(() => store(messages)),
      remove: (id) =>
        group.run(() => {
          forget.run(id);
        }),
      bury: (id, reason) =>
        group.run(() => {
          bury.run(reason, id);
        }),
      buried: async (topic) => buried.all(topic) as (StoredMessage & { reason: string })[],
    },
  };
}
