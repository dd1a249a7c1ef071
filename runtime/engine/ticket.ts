import type { SagaState } from "../core/state.js";
import { stepOf } from "../core/state.js";
import type { Run } from "./run.js";

/** A place on a topic. It is held while what its message asked for is under way, so that a topic's concurrency bounds that. */
export interface Ticket {
  /** The number of the saga's entry that holds the delivery: earlier ones say nothing of it. */
  readonly since: number;
  /** What the message asked for is done, or waits for another message, and the journal says so. */
  done(): void;
  /** This process can't say: the message is to be delivered again. */
  failed(error: unknown): void;
}

/** Stands for a step's position where the message is the one on the rollback topic. */
export const rollback = -1;

/** Takes a place for a step. Where one is held for it still, whose work the journal has yet to be told of, the two are given back together. */
export function hold(run: Run, at: number, ticket: Ticket): void {
  const earlier = run.tickets.get(at);
  const both: Ticket = {
    since: ticket.since,
    done() {
      earlier?.done();
      ticket.done();
    },
    failed(error) {
      earlier?.failed(error);
      ticket.failed(error);
    },
  };
  run.tickets.set(at, earlier === undefined ? ticket : both);
}

/** Gives back the places of all work that an entry, now durable, says has come to rest. */
export function settleTickets(run: Run, state: SagaState, seq: number): void {
  for (const [at, ticket] of run.tickets) {
    if (seq >= ticket.since && (at === rollback ? rollbackRests(state) : stepRests(state, at))) {
      run.tickets.delete(at);
      ticket.done();
    }
  }
}

/** Gives back the place of a step whose upstream has answered, for brokers where it is no more than a place. */
export function giveBack(run: Run, at: number): void {
  const ticket = run.tickets.get(at);
  run.tickets.delete(at);
  ticket?.done();
}

/** Gives back all places: this process drives the saga no further. */
export function failTickets(run: Run, error: unknown): void {
  const tickets = [...run.tickets.values()];
  run.tickets.clear();
  for (const ticket of tickets) {
    ticket.failed(error);
  }
}

function stepRests(state: SagaState, at: number): boolean {
  const { status } = stepOf(state, at);
  return status !== "due" && status !== "calling";
}

/** A compensation that waits to be tried again rests, too. */
function rollbackRests({ phase, steps }: SagaState): boolean {
  const busy = steps.some(({ undo, undoAttempts }) => undo === "calling" || (undo === "due" && undoAttempts === 0));
  const waits = steps.some(({ status }) => status === "calling");
  return phase !== "rollback-queued" && !busy && !(waits && phase === "compensating");
}
