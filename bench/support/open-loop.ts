import { performance } from "node:perf_hooks";
import { type Booked, bookerOf, type Target } from "./booking.js";

/** Bookings that begin at random moments at a given mean rate, whatever the facade does (a Poisson process). */
export interface OpenRun {
  readonly target: Target;
  readonly perSecond: number;
  readonly seconds: number;
  /** The time at the start that is not part of the latencies, s. */
  readonly warmUpSeconds: number;
  /** The same seed gives the same moments. */
  readonly seed: number;
}

/** The results of an open run, once all bookings have ended. */
export interface OpenResult {
  readonly offered: number;
  /** How long it took to offer them. */
  readonly offeredSeconds: number;
  /** Of accepted calls, from the call to its answer, warm-up excluded. */
  readonly answersMs: readonly number[];
  /** Of bookings made, from the call to the end, warm-up excluded. */
  readonly endsMs: readonly number[];
  /** Of calls refused with RESOURCE_EXHAUSTED, warm-up excluded. */
  readonly refusalsMs: readonly number[];
  readonly refused: number;
  /** Of the refused ones: those that never left their client, because the connection had no free stream. */
  readonly heldBack: number;
  /** The ids of the accepted bookings. */
  readonly accepted: readonly string[];
  /** How many bookings ended in each second since the start. */
  readonly endedInSecond: readonly number[];
  /** What went wrong, refusals excluded. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Offers bookings. */
export interface OpenLoop {
  /** Begins to offer. */
  run(run: OpenRun): Promise<void>;
  /** Resolves when all bookings have been offered and have ended. */
  result(): Promise<OpenResult>;
}

/** Makes one that is not started yet. */
export function createOpenLoop(): OpenLoop {
  let done: Promise<OpenResult> = Promise.reject(new Error("nothing was offered"));
  done.catch(() => {});
  return {
    async run(run) {
      done = offer(run);
    },
    result: () => done,
  };
}

async function offer({ target, perSecond, seconds, warmUpSeconds, seed }: OpenRun): Promise<OpenResult> {
  const booker = await bookerOf(target);
  const random = createRandom(seed);
  const answersMs: number[] = [];
  const endsMs: number[] = [];
  const refusalsMs: number[] = [];
  const accepted: string[] = [];
  const endedInSecond: number[] = [];
  const errors: Record<string, number> = {};
  const startedAt = performance.now();
  let offered = 0;
  let refused = 0;
  let heldBack = 0;
  let ended = 0;
  let offeredSeconds = 0;

  function count(booked: Booked, warm: boolean): void {
    ended++;
    if (booked.accepted) {
      accepted.push(booked.id);
      if (warm) answersMs.push(booked.answerMs);
    }
    if (booked.refused) {
      refused++;
      if (warm) refusalsMs.push(booked.answerMs);
    } else if (booked.error !== undefined) {
      errors[booked.error] = (errors[booked.error] ?? 0) + 1;
    } else {
      const second = Math.floor((performance.now() - startedAt) / 1000);
      endedInSecond[second] = (endedInSecond[second] ?? 0) + 1;
      if (warm) endsMs.push(booked.endMs);
    }
  }

  await new Promise<void>((resolve) => {
    const finish = () => {
      if (offeredSeconds > 0 && ended === offered) resolve();
    };
    let nextAt = startedAt;
    const tick = () => {
      const now = performance.now();
      while (nextAt <= now && nextAt < startedAt + seconds * 1000) {
        const warm = nextAt - startedAt >= warmUpSeconds * 1000;
        offered++;
        nextAt -= (Math.log(1 - random()) * 1000) / perSecond;
        if (!booker.hasFreeStream()) {
          refused++;
          heldBack++;
          ended++;
          continue;
        }
        booker.book((booked) => {
          count(booked, warm);
          finish();
        });
      }
      if (nextAt < startedAt + seconds * 1000) {
        setTimeout(tick, Math.max(0, nextAt - performance.now()));
      } else {
        offeredSeconds = (performance.now() - startedAt) / 1000;
        finish();
      }
    };
    tick();
  });
  const timeline = Array.from(endedInSecond, (count) => count ?? 0);
  const latencies = { answersMs, endsMs, refusalsMs };
  return { offered, offeredSeconds, ...latencies, refused, heldBack, accepted, endedInSecond: timeline, errors };
}

/** mulberry32: both sides of a comparison get the same moments. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
