import type { Mode } from "../../test/support/book.js";
import { createRandom } from "../random.js";

/** How a client goes about its booking. */
export type Habit =
  /** Asks until it is told how its saga ends. */
  | "patient"
  /** As that, and then asks every pod again: each must say the same. */
  | "asks again"
  /** Hangs up on its first call, and comes back. */
  | "hangs up"
  /** Hangs up on its only call. */
  | "leaves for good"
  /** Gives its first call little time. */
  | "hurried"
  /** Asks two pods at once. */
  | "asks twice at once"
  /** Once it has its answer, asks for something else under the same id: ALREADY_EXISTS. */
  | "changes its mind"
  /** Asks for two different things under one id at once: one of them gets ALREADY_EXISTS. */
  | "asks for two things at once";

/** One booking of the load: the same for the same seed. */
export interface Booking {
  readonly id: string;
  readonly mode: Mode;
  /** Whether the payment service is to refuse it. */
  readonly faultInject: boolean;
  readonly habit: Habit;
  /** The pod that is asked first. */
  readonly pod: number;
  /** How long the client waits in its first call before it hangs up, or has to be answered, ms. */
  readonly patienceMs: number;
}

const shares: Readonly<Record<Habit, number>> = {
  patient: 0.6,
  "asks again": 0.08,
  "hangs up": 0.08,
  "leaves for good": 0.04,
  hurried: 0.06,
  "asks twice at once": 0.07,
  "changes its mind": 0.04,
  "asks for two things at once": 0.03,
};

/** All habits. */
export const habits = Object.keys(shares) as readonly Habit[];

/** The booking of a number, from 0. */
export function bookingOf(seed: string, n: number, pods: number): Booking {
  const random = createRandom(`${seed}/load/${n}`);
  return {
    id: `chaos-${n}`,
    mode: random.pick(["sync", "async", "throttled"] as const),
    faultInject: random.chance(0.15),
    habit: random.share(shares) ?? "patient",
    pod: Math.floor(random.next() * pods),
    patienceMs: random.chance(0.5) ? random.between(5, 100) : random.between(100, 1_500),
  };
}
