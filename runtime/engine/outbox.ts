import type { Broker } from "../broker/broker.js";
import type { Journal, StoredMessage } from "../journal/journal.js";
import type { Log } from "./ports.js";

/**
 * Publishes the messages that the journal stores, and removes those that the broker holds. What can't be published or
 * removed now is found by a later `resend`, here or on the next server: delivery is at least once.
 */
export class Outbox {
  readonly #journal: Journal;
  readonly #broker: Broker;
  readonly #log: Log;
  /** Being published, or published and not yet removed from the journal. */
  readonly #inHand = new Set<number>();
  /** Published, and the journal could not remove them yet. */
  readonly #published = new Set<number>();

  constructor(journal: Journal, broker: Broker, log: Log) {
    this.#journal = journal;
    this.#broker = broker;
    this.#log = log;
  }

  /** Publishes messages that were just stored. */
  send(messages: readonly StoredMessage[]): void {
    const fresh = messages.filter(({ id }) => !this.#inHand.has(id));
    if (fresh.length === 0) {
      return;
    }
    const ids = fresh.map(({ id }) => id);
    for (const id of ids) {
      this.#inHand.add(id);
    }
    this.#broker
      .publish(fresh)
      .then((published) => {
        for (const id of published ? [] : ids) {
          this.#inHand.delete(id);
        }
        return published ? this.#remove(ids) : undefined;
      })
      .catch((err) => {
        this.#log.warn(
          { err },
          "published messages can't be removed from the journal now; they may be published again",
        );
      });
  }

  /** Publishes whatever the journal still holds, and removes what was published before. */
  async resend(): Promise<void> {
    if (this.#published.size > 0) {
      await this.#remove([...this.#published]);
    }
    for (const message of await this.#journal.messages.pending()) {
      this.send([message]);
    }
  }

  async #remove(ids: readonly number[]): Promise<void> {
    for (const id of ids) {
      this.#published.add(id);
    }
    await this.#journal.messages.remove(ids);
    for (const id of ids) {
      this.#published.delete(id);
      this.#inHand.delete(id);
    }
  }
}
