import type { Broker } from "../broker/broker.js";
import type { Journal, StoredMessage } from "../journal/journal.js";
import type { Log } from "./ports.js";

/** Sends the messages that the journal stores, and has it forget those that the broker holds. */
export interface Outbox {
  send(messages: readonly StoredMessage[]): void;
  /** Sends what the last process left. */
  resend(): Promise<void>;
  /** The journal may hold messages that nobody here was told of: it refused an entry, say, and may have stored it. */
  doubt(): void;
  /** Looks after what was doubtful, or could not be forgotten. */
  settle(): Promise<void>;
}

/** What a request that was given up brings about may come late: the journal is looked at more than once. */
const doubtfulLooks = 5;

/** Makes an outbox. What can't be sent or forgotten now is seen to later, by this process or the next: at least once. */
export function createOutbox(journal: Journal, broker: Broker, log: Log): Outbox {
  /** On their way to the broker. */
  const underWay = new Set<number>();
  /** The broker has them, and the journal has not forgotten them. */
  const sent = new Set<number>();
  /** What is forgotten while the journal is looked at: it may be seen there all the same. */
  let forgotten: Set<number> | undefined;
  /** What was found there last: whoever stored it may be told of that only now. */
  let found = new Set<number>();
  /** How often the journal is still to be looked at. */
  let looks = 0;

  async function forget(ids: readonly number[]): Promise<void> {
    await journal.messages.remove(ids);
    for (const id of ids) {
      sent.delete(id);
      forgotten?.add(id);
    }
  }

  function publish(messages: readonly StoredMessage[]): void {
    const ids = messages.map(({ id }) => id).filter((id) => !underWay.has(id) && !sent.has(id));
    if (ids.length === 0) {
      return;
    }
    for (const id of ids) {
      underWay.add(id);
    }
    broker
      .publish(messages.filter(({ id }) => ids.includes(id)))
      .then((safe) => {
        for (const id of ids) {
          underWay.delete(id);
          if (safe) {
            sent.add(id);
          } else {
            found.delete(id);
          }
        }
        return safe ? forget(ids) : undefined;
      })
      .catch((err) => log.warn({ err }, "messages that were sent can't be forgotten; it is tried again"));
  }

  async function resend(): Promise<void> {
    const gone = new Set<number>();
    forgotten = gone;
    const pending = await journal.messages.pending().finally(() => {
      forgotten = undefined;
    });
    const again = pending.filter(({ id }) => sent.has(id)).map(({ id }) => id);
    const others = pending.filter(({ id }) => !sent.has(id) && !gone.has(id));
    found = new Set(others.map(({ id }) => id));
    for (const message of others) {
      publish([message]);
    }
    if (again.length > 0) {
      await forget(again);
    }
  }

  return {
    send: (messages) => publish(messages.filter(({ id }) => !found.has(id))),
    resend,
    doubt() {
      looks = doubtfulLooks;
    },
    async settle() {
      if (looks > 0 || sent.size > 0) {
        await resend();
        looks = Math.max(0, looks - 1);
      }
    },
  };
}
