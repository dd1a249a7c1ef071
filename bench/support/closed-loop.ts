import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type Booked, type Booker, bookerOf, type Target } from "./booking.js";

/** A number of virtual clients, each of which books again as soon as its last booking has ended. */
export interface ClosedRun {
  readonly target: Target;
  readonly concurrency: number;
  /** Their starts are spread over this time. Otherwise the processes would run in lockstep. */
  readonly rampMs: number;
}

/** What was measured since the mark before. */
export interface Measured {
  readonly seconds: number;
  /** From the call to its answer. */
  readonly answersMs: readonly number[];
  /** From the call to the booking's end. */
  readonly endsMs: readonly number[];
}

/** The results of a whole run, including ramp and end. */
export interface Total {
  readonly succeeded: number;
  /** Failed bookings by what went wrong. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Keeps a number of bookings in flight. */
export interface ClosedLoop {
  run(run: ClosedRun): Promise<void>;
  mark(): Measured;
  /** Starts no more bookings, and waits for those in flight. */
  stop(): Promise<Total>;
}

/** Makes one that is not started yet. */
export function createClosedLoop(): ClosedLoop {
  let running = false;
  let workers: Promise<unknown> = Promise.resolve();
  let markedAt = 0;
  let answersMs: number[] = [];
  let endsMs: number[] = [];
  let succeeded = 0;
  let errors: Record<string, number> = {};

  function count({ error, answerMs, endMs }: Booked): void {
    if (error !== undefined) {
      errors[error] = (errors[error] ?? 0) + 1;
      return;
    }
    succeeded++;
    answersMs.push(answerMs);
    endsMs.push(endMs);
  }

  function work(booker: Booker, delayMs: number): Promise<void> {
    return sleep(delayMs).then(
      () =>
        new Promise((resolve) => {
          const next = () => {
            if (!running) resolve();
            else booker.book(ended);
          };
          const ended = (booked: Booked) => {
            count(booked);
            next();
          };
          next();
        }),
    );
  }

  return {
    async run({ target, concurrency, rampMs }) {
      running = true;
      succeeded = 0;
      errors = {};
      const booker = await bookerOf(target);
      workers = Promise.all(
        Array.from({ length: concurrency }, (_, i) => work(booker, (rampMs * i) / Math.max(1, concurrency))),
      );
    },
    mark() {
      const now = performance.now();
      const measured = { seconds: (now - markedAt) / 1000, answersMs, endsMs };
      markedAt = now;
      answersMs = [];
      endsMs = [];
      return measured;
    },
    async stop() {
      running = false;
      await workers;
      return { succeeded, errors };
    },
  };
}
