import { expect, test } from "vitest";
import type { Broker } from "../../runtime/broker/broker.js";
import { createOutbox } from "../../runtime/engine/outbox.js";
import type { Journal, StoredMessage } from "../../runtime/journal/journal.js";
import { until } from "../support/until.js";

const message = { id: 7, topic: "ended", key: "s", body: new Uint8Array() } as unknown as StoredMessage;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A journal that holds one message, and answers what it holds when it is told to. */
function place(safe: () => boolean = () => true) {
  const published: number[] = [];
  const removed: number[] = [];
  let answer = () => {};
  const journal = {
    messages: {
      pending: () =>
        new Promise<StoredMessage[]>((resolve) => {
          answer = () => resolve([message]);
        }),
      remove: async (ids: readonly number[]) => void removed.push(...ids),
    },
  } as unknown as Journal;
  const broker = {
    async publish(messages: readonly StoredMessage[]) {
      published.push(...messages.map(({ id }) => id));
      return safe();
    },
  } as unknown as Broker;
  const outbox = createOutbox(journal, broker, silent);
  return { outbox, published, removed, answer: () => answer() };
}

test("a message that was sent and forgotten while the journal was looked at is not sent again", async () => {
  const { outbox, published, removed, answer } = place();
  const looked = outbox.resend();
  outbox.send([message]);
  await until(() => removed.length > 0);
  answer();
  await looked;
  expect(published).toEqual([7]);
});

test("a message that was found in the journal is not sent again once whoever stored it is told", async () => {
  const { outbox, published, removed, answer } = place();
  const looked = outbox.resend();
  answer();
  await looked;
  await until(() => removed.length > 0);
  outbox.send([message]);
  expect(published).toEqual([7]);
});

test("a message that was found and could not be sent is sent once whoever stored it is told", async () => {
  let safe = false;
  const { outbox, published, removed, answer } = place(() => safe);
  const looked = outbox.resend();
  answer();
  await looked;
  await new Promise(setImmediate); // The broker has said no.
  safe = true;
  outbox.send([message]);
  await until(() => removed.length > 0);
  expect(published).toEqual([7, 7]);
});
