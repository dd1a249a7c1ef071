import { expect, test } from "vitest";
import { Outbox } from "../../runtime/engine/outbox.js";
import type { Journal, StoredMessage } from "../../runtime/journal/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";

const scope = createScope();
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** An outbox on a real journal that holds one message, and a broker that says whether it has taken one. */
async function place(takes: () => boolean = () => true) {
  const facade = facadeOf({ mode: "async", steps: { a: {} } });
  const { journal, ask } = await createPlace(scope).start({ facades: [facade], completion: { topic: "ended" } });
  await ask("s");
  const [message] = await until(async () => {
    const pending = await journal.messages.pending();
    return pending.length > 0 && pending;
  });
  if (message === undefined) {
    throw new Error("no message is stored");
  }
  const published: string[] = [];
  const broker = {
    async publish(messages: readonly { readonly key: string }[]) {
      published.push(...messages.map(({ key }) => key));
      return takes();
    },
    subscribe() {},
    async start() {},
    async close() {},
  };
  const outboxOn = (own: Journal) => new Outbox(own, broker, silent);
  return { journal, outboxOn, outbox: outboxOn(journal), message, published };
}

async function isRemoved(journal: Journal, { id }: StoredMessage): Promise<boolean> {
  return (await journal.messages.pending()).every((pending) => pending.id !== id);
}

test("a message is published once, and removed from the journal", async () => {
  const { journal, outbox, message, published } = await place();
  outbox.send([message]);
  outbox.send([message]);
  await outbox.resend();
  await until(() => isRemoved(journal, message));
  expect(published).toEqual(["s"]);
});

test("a message that the broker did not accept is published by a later resend", async () => {
  let takes = false;
  const { journal, outbox, message, published } = await place(() => takes);
  outbox.send([message]);
  await new Promise(setImmediate); // The broker has said no.
  takes = true;
  await outbox.resend();
  await until(() => isRemoved(journal, message));
  expect(published).toEqual(["s", "s"]);
});

test("a message that was published and could not be removed is removed later, and not published again", async () => {
  const { journal, outboxOn, message, published } = await place();
  let refuses = true;
  const messages = overriding(journal.messages, {
    async remove(ids: readonly number[]) {
      if (refuses) {
        throw new Error("the database is away");
      }
      await journal.messages.remove(ids);
    },
  });
  const outbox = outboxOn(overriding(journal, { messages }));
  outbox.send([message]);
  await new Promise(setImmediate);
  refuses = false;
  await outbox.resend();
  expect(await isRemoved(journal, message)).toBe(true);
  expect(published).toEqual(["s"]);
});
