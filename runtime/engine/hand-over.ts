import { isShared, type Journal } from "../journal/journal.js";
import type { Delivery } from "./deliver.js";
import type { Log } from "./ports.js";

interface Parts {
  readonly journal: Journal;
  readonly log: Log;
  readonly isDraining: () => boolean;
}

interface Topic {
  readonly delivery: Delivery;
  /** How many more may be under way. */
  free: number;
  readonly waiting: Set<string>;
}

/**
 * Takes what other servers hand over: messages of sagas that this one drives, and that came to one whose code has another
 * structure, as in a rolling deployment. What is lost on the way is found idle, and its message sent again.
 */
export interface HandOver {
  /** @param concurrency how many messages of the topic are handled at the same time */
  add(topic: string, concurrency: number, delivery: Delivery): void;
  close(): void;
}

/** Makes it. */
export function createHandOver({ journal, log, isDraining }: Parts): HandOver {
  const topics = new Map<string, Topic>();

  function next(name: string, topic: Topic): void {
    const [sagaId] = topic.free > 0 && !isDraining() ? topic.waiting : [];
    if (sagaId === undefined) {
      return;
    }
    topic.waiting.delete(sagaId);
    topic.free--;
    topic.delivery
      .handedOver(sagaId)
      .catch((err) => log.debug({ saga: sagaId, topic: name, err }, "what was handed over can't be done now"))
      .finally(() => {
        topic.free++;
        next(name, topic);
      });
  }

  const receive = (sagaId: string, name: string) => {
    const topic = topics.get(name);
    if (topic !== undefined) {
      topic.waiting.add(sagaId);
      next(name, topic);
    }
  };
  const close = isShared(journal) ? journal.onHandOver(receive) : () => {};

  return {
    add: (name, concurrency, delivery) => topics.set(name, { delivery, free: concurrency, waiting: new Set() }),
    close,
  };
}
