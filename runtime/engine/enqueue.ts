import type { SagaEvent } from "../core/event.js";
import { isQueued } from "../core/state.js";
import { type Drive, flush, react } from "./driver.js";
import { messageOf, topicOf } from "./message.js";
import type { Run } from "./run.js";
import { hold, rollback } from "./ticket.js";

/**
 * Has a step, or the rollback, asked for on its topic. Where this process has a place free there, it is asked for within
 * the transaction that would send the message; else the message leaves once that is durable. Where the process is alone
 * with its journal, and keeps no messages, the saga waits for its place without one.
 */
export function enqueue(drive: Drive, run: Run, at: number): void {
  const topic = topicOf(run.facade, at);
  const { slots } = drive.broker;
  const begin = (giveBack: () => void) => {
    hold(run, at, { since: run.seq, done: giveBack, failed: giveBack });
    react(drive, run, deliveryOf(at));
  };
  const giveBack = slots?.claim(topic, run.id);
  if (giveBack !== undefined) {
    begin(giveBack);
  } else if (slots !== undefined && !drive.journal.shared) {
    // It may have turned back, or been taken up anew, by then.
    slots.wait(topic, run.id, (place) => (run.abandoned || !awaits(run, at) ? place() : begin(place)));
  } else {
    run.outgoing.push(messageOf(drive, run, at));
    flush(drive, run);
  }
}

/** Whether a saga still waits for a message. */
export function awaits(run: Run, at: number): boolean {
  return at === rollback ? run.state.phase === "rollback-queued" : isQueued(run.state, at);
}

/** Whether a saga still waits for a message on a topic. */
export function awaitsTopic(run: Run, topic: string): boolean {
  const { rollback: back, steps } = run.facade.topics;
  return topic === back ? awaits(run, rollback) : steps.some((step, at) => step === topic && awaits(run, at));
}

/** The event that a message's arrival is. */
export function deliveryOf(at: number): SagaEvent {
  return at === rollback ? { kind: "rollback-delivered" } : { kind: "step-delivered", step: at };
}
