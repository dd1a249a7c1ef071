import type { Handler } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import { isShared, type Journal, type Message } from "../journal/journal.js";
import { type Drive, react } from "./driver.js";
import { awaits, deliveryOf } from "./enqueue.js";
import { readMessage, sagaIdIn, topicOf } from "./message.js";
import type { Recovery } from "./recovery.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";
import { hold } from "./ticket.js";

/** What taking a message needs. */
export interface DeliveryParts {
  readonly drive: Drive;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly recovery: Recovery;
}

/** What one topic's messages ask for. */
export interface Delivery {
  readonly handler: Handler;
  /** Does what a message asked for that came to another process, which can't run its saga. */
  handedOver(sagaId: string): Promise<void>;
}

/**
 * Handles the messages of one topic: has the saga take the step, and acknowledges once what the message asked for has
 * come to rest and the journal says so. A message that comes twice, late or out of order finds the journal ahead of it.
 * One of a saga of another structure is acknowledged, too: the saga's state is its outbox, and whoever drives it is told.
 * @param at the step's position, or `rollback`
 */
export function createDelivery(
  { drive, journal, runs, recovery }: DeliveryParts,
  facade: FacadeDefinition,
  at: number,
): Delivery {
  const topic = topicOf(facade, at);

  /** The saga, if it waits for this message. The journal decides, not what this process remembers. */
  async function find(sagaId: string): Promise<Run | undefined> {
    const known = runs.get(sagaId);
    const unsure = known?.rebasing?.done ?? known?.creating;
    if (unsure !== undefined) {
      await unsure; // The journal is being asked whose saga it is, or how far it has got.
      return find(sagaId);
    }
    if (known !== undefined && (awaits(known, at) || !journal.shared)) {
      return known;
    }
    if (known?.writing) {
      await known.stored; // What it has come to is not what the journal holds yet.
      return find(sagaId);
    }
    const stored = await journal.load(sagaId);
    if (stored === undefined) {
      throw new SagaError(
        "SAGA_MESSAGE_POISON",
        `the journal has no saga ${sagaId}; servers that share topics must share a journal, or set topic_prefix apart; ` +
          "a saga that ended longer ago than journal.retention_ms is gone, too",
      );
    }
    if (stored.phase !== "open") {
      return undefined;
    }
    if (recovery.misfit(stored) !== undefined) {
      if (isShared(journal)) {
        await journal.handOver(sagaId, topic);
      }
      return undefined;
    }
    if (!journal.shared) {
      return recovery.adopt(stored); // Only one that was put aside is open and not driven.
    }
    const current = runs.get(sagaId);
    if (current === undefined) {
      return recovery.resume(stored, (run) => awaits(run, at));
    }
    if (current.rebasing === undefined && !current.writing && stored.records.length > current.seq) {
      await recovery.rebase(current, []);
    }
    return current === known ? current : find(sagaId);
  }

  async function deliver(sagaId: string): Promise<void> {
    const run = await find(sagaId);
    if (run === undefined || run.abandoned || run.facade !== facade || !awaits(run, at)) {
      drive.log.debug({ saga: sagaId, topic }, "a message found the journal ahead of it, or is another server's");
      return;
    }
    await new Promise<void>((done, failed) => {
      hold(run, at, { since: run.seq, done, failed });
      react(drive, run, deliveryOf(at));
    });
  }

  /** Whether a message that can't be read is of a saga of another structure, which may have had other topics and types. */
  async function isForeign(message: Message): Promise<boolean> {
    const sagaId = sagaIdIn(message);
    const stored = sagaId === undefined ? undefined : await journal.load(sagaId);
    if (stored === undefined || recovery.misfit(stored) === undefined) {
      return false;
    }
    if (stored.phase === "open" && isShared(journal)) {
      await journal.handOver(stored.sagaId, topic);
    }
    return true;
  }

  return {
    async handler(message) {
      let sagaId: string;
      try {
        sagaId = readMessage(facade, at, message);
      } catch (error) {
        if (await isForeign(message)) {
          return;
        }
        throw error;
      }
      await deliver(sagaId);
    },
    handedOver: deliver,
  };
}
