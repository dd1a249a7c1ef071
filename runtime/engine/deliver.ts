import type { Handler } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { type Drive, react } from "./driver.js";
import { awaits, deliveryOf } from "./enqueue.js";
import { readMessage } from "./message.js";
import type { Recovery } from "./recovery.js";
import type { Run } from "./run.js";
import type { Runs } from "./runs.js";

interface Parts {
  readonly drive: Drive;
  readonly journal: Journal;
  readonly runs: Runs;
  readonly recovery: Recovery;
}

/**
 * Handles the messages of one topic: has the saga take the step, and acknowledges once what the message asked for has
 * come to rest and the journal says so. A message that comes twice, late or out of order finds the journal ahead of it.
 * @param at the step's position, or `rollback`
 */
export function createDelivery(
  { drive, journal, runs, recovery }: Parts,
  facade: FacadeDefinition,
  at: number,
): Handler {
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

  return async (message) => {
    const sagaId = readMessage(facade, at, message);
    const run = await find(sagaId);
    if (run === undefined || run.abandoned || run.facade !== facade || !awaits(run, at)) {
      drive.log.debug({ saga: sagaId, topic: message.topic }, "a message found the journal ahead of it");
      return;
    }
    await new Promise<void>((done, failed) => {
      run.tickets.set(at, { since: run.seq, done, failed });
      react(drive, run, deliveryOf(at));
    });
  };
}
