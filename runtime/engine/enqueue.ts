import type { SagaEvent } from "../core/event.js";
import { isQueued } from "../core/state.js";
import { type Drive, flush, react } from "./driver.js";
import { messageOf, topicOf } from "./message.js";
import type { Run } from "./run.js";
import { hold, rollback } from "./ticket.js";

/**
 * Sends the message that asks for a step, or for the rollback. Where this process has a place free on the topic, the
 * message is delivered within the transaction that would send it; else it leaves once that is durable.
 */
export function enqueue(drive: Drive, run: Run, at: number): void {
  const release = drive.broker.claim(topicOf(run.facade, at), run.id);
  if (release === undefined) {
    run.outgoing.push(messageOf(drive, run, at));
    flush(drive, run);
    return;
  }
  hold(run, at, { since: run.seq, done: release, failed: release });
  react(drive, run, deliveryOf(at));
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
