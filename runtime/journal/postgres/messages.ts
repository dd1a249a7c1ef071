import type { MessageStore, StoredMessage } from "../journal.js";
import type { Database } from "./connect.js";
import { unavailable } from "./errors.js";
import { createGroupCommit } from "./group-commit.js";
import type { Retry } from "./retry.js";
import type { Writer } from "./writer.js";

interface MessageRow {
  readonly id: string;
  readonly topic: string;
  readonly key: string;
  readonly body: Buffer;
}

/** What the message store works with. */
export interface MessageOptions {
  readonly reading: Database;
  readonly writing: Database;
  readonly retry: Retry;
  readonly podId: string;
  readonly writer: Writer;
}

/** The messages' table. */
export function createMessageStore({ reading, writing, retry, podId, writer }: MessageOptions): MessageStore {
  const removal = createGroupCommit<{ readonly key: string; readonly ids: readonly number[] }, "removed">({
    lanes: 1,
    keyOf: ({ key }) => key,
    bytesOf: ({ ids }) => ids.length * 8,
    async commit(batch, sinceMs) {
      await write("DELETE FROM message WHERE id = ANY ($1::bigint[])", [batch.flatMap(({ ids }) => ids)], sinceMs);
      return batch.map(() => "removed");
    },
  });

  async function write(text: string, values: unknown[], sinceMs?: number): Promise<void> {
    try {
      await retry.run(() => writing.query({ text, values }), sinceMs);
    } catch (error) {
      throw unavailable("written", error);
    }
  }

  async function read<Row extends MessageRow>(text: string, value: string): Promise<readonly Row[]> {
    try {
      return await retry.run(() => reading.query<Row>({ text, values: [value] }));
    } catch (error) {
      throw unavailable("read", error);
    }
  }

  return {
    async pending() {
      const rows = await read(
        "SELECT id, topic, key, body FROM message WHERE owner = $1 AND dead_reason IS NULL ORDER BY id",
        podId,
      );
      return rows.map(toMessage);
    },
    async remove(ids) {
      if (ids.length > 0) {
        await removal.run({ key: writer.next(), ids });
      }
    },
    async addDeadLetter({ topic, key, body }, reason) {
      // Where an attempt's commit got through although its connection died, the next one finds its row.
      await write(
        `INSERT INTO message (topic, key, body, owner, writer, dead_reason)
           VALUES ($1 || '.dead-letter', $2, $3, $4, $5, $6)
           ON CONFLICT (writer) WHERE dead_reason IS NOT NULL DO NOTHING`,
        [topic, withoutNul(key), Buffer.from(body), podId, writer.next(), withoutNul(reason)],
      );
    },
    async deadLetters(topic) {
      const rows = await read<MessageRow & { readonly reason: string }>(
        `SELECT id, topic, key, body, dead_reason AS reason FROM message
           WHERE topic = $1 || '.dead-letter' AND dead_reason IS NOT NULL ORDER BY id`,
        topic,
      );
      return rows.map((row) => ({ ...toMessage(row), reason: row.reason }));
    },
  };
}

/** PostgreSQL's text has no NUL, and what can't be read may hold anything. */
function withoutNul(text: string): string {
  return text.replaceAll("\0", "\\0");
}

/** A row as the message that it is. */
export function toMessage({ id, topic, key, body }: MessageRow): StoredMessage {
  return { id: Number(id), topic, key, body: body.toString("utf8") };
}
