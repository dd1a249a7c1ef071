import type { Handler } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import { isShared, type Journal, type Message, type StoredSaga } from "../journal/journal.js";
import type { Executions } from "./executions.js";
import { readMessage, sagaIdIn } from "./messages.js";
import type { Log } from "./ports.js";
import type { Recovery } from "./recovery.js";
import type { SagaExecution } from "./saga-execution.js";
import { awaits, topicOf } from "./turn.js";

interface Parts {
  readonly journal: Journal;
  readonly executions: Executions;
  readonly recovery: Recovery;
  readonly log: Log;
}

/**
 * Handles the messages of one topic. A message is acknowledged once what it asked for is done, or waits for another
 * message, and the journal says so. A duplicate, late or reordered message finds the journal ahead of it and changes
 * nothing.
 */
export class Delivery {
  readonly #parts: Parts;
  readonly #facade: FacadeDefinition;
  /** The step's position, or `rollback`. */
  readonly #at: number;
  readonly #topic: string;

  constructor(parts: Parts, facade: FacadeDefinition, at: number) {
    this.#parts = parts;
    this.#facade = facade;
    this.#at = at;
    this.#topic = topicOf(facade, at);
  }

  readonly handler: Handler = async (message) => {
    let sagaId: string;
    try {
      sagaId = readMessage(this.#facade, this.#at, message);
    } catch (error) {
      if (await this.#isOfAnotherStructure(message)) {
        return;
      }
      throw error;
    }
    await this.deliver(sagaId);
  };

  /** Does what a message for the saga asks for. */
  deliver(sagaId: string): Promise<void> {
    const { journal, executions, recovery, log } = this.#parts;
    return new Promise((release, fail) => {
      const slot = { release, fail };
      const known = executions.live(sagaId);
      // mutation: message-waits-for-first-entry
      if (known !== undefined && known.seq > 0 && (awaits(known.state, this.#at) || !journal.shared)) {
        known.deliver(this.#at, slot);
        return;
      }
      const ignored = () => {
        log.debug({ saga: sagaId, topic: this.#topic }, "message ignored: the saga does not wait for it");
        release();
      };
      const use = async (stored: StoredSaga | undefined, live: SagaExecution | undefined): Promise<void> => {
        if (stored === undefined) {
          throw unknownSaga(sagaId);
        }
        if (live !== undefined) {
          live.deliver(this.#at, slot);
        } else if (stored.phase !== "open") {
          ignored();
        } else if (recovery.incompatible(stored) !== undefined) {
          await this.#handOver(sagaId);
          ignored();
        } else {
          const { execution, waitedMs, run } = recovery.restore(stored);
          if (awaits(execution.state, this.#at)) {
            run();
            execution.recoverWith(waitedMs, this.#at, slot);
          } else {
            ignored();
          }
        }
      };
      recovery.find(sagaId, use).catch(fail);
    });
  }

  /**
   * Whether a message that can't be read is of a saga of another structure, which may have had other topics and types.
   */
  async #isOfAnotherStructure(message: Message): Promise<boolean> {
    const sagaId = sagaIdIn(message);
    const stored = sagaId === undefined ? undefined : await this.#parts.journal.load(sagaId);
    if (stored === undefined || this.#parts.recovery.incompatible(stored) === undefined) {
      return false;
    }
    if (stored.phase === "open") {
      await this.#handOver(stored.sagaId);
    }
    return true;
  }

  /** The saga's owner has the code to run it. Without another server the saga waits for that code, and asks again. */
  async #handOver(sagaId: string): Promise<void> {
    const { journal } = this.#parts;
    if (isShared(journal)) {
      await journal.handOver(sagaId, this.#topic);
    }
  }
}

function unknownSaga(sagaId: string): SagaError {
  return new SagaError(
    "SAGA_MESSAGE_POISON",
    `the journal has no saga ${sagaId}; servers that share topics must share a journal, or have different topic_prefix; ` +
      "a saga that ended more than journal.retention_ms ago is removed",
  );
}

interface HandOverTopic {
  readonly delivery: Delivery;
  /** How many more may be handled at the same time. */
  free: number;
  readonly waiting: Set<string>;
}

/**
 * Takes messages that other servers hand over: of sagas that this server owns, and that arrived at a server whose code
 * has another structure, as in a rolling update. One that is lost is sent again once its saga is found idle.
 */
export class HandOvers {
  readonly #topics = new Map<string, HandOverTopic>();
  readonly #isDraining: () => boolean;
  readonly #log: Log;
  readonly close: () => void;

  constructor(journal: Journal, log: Log, isDraining: () => boolean) {
    this.#isDraining = isDraining;
    this.#log = log;
    this.close = isShared(journal) ? journal.onHandOver((sagaId, topic) => this.#add(sagaId, topic)) : () => {};
  }

  /** @param concurrency how many messages of the topic are handled at the same time */
  subscribe(topic: string, concurrency: number, delivery: Delivery): void {
    this.#topics.set(topic, { delivery, free: concurrency, waiting: new Set() });
  }

  #add(sagaId: string, name: string): void {
    const topic = this.#topics.get(name);
    if (topic !== undefined) {
      topic.waiting.add(sagaId);
      this.#next(name, topic);
    }
  }

  #next(name: string, topic: HandOverTopic): void {
    const [sagaId] = topic.free > 0 && !this.#isDraining() ? topic.waiting : [];
    if (sagaId === undefined) {
      return;
    }
    topic.waiting.delete(sagaId);
    topic.free--;
    topic.delivery
      .deliver(sagaId)
      .catch((err) => this.#log.debug({ saga: sagaId, topic: name, err }, "handed-over message can't be handled now"))
      .finally(() => {
        topic.free++;
        this.#next(name, topic);
      });
  }
}
