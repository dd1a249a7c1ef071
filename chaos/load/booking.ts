import type { Mode } from "../../test/support/book.js";
import { createRandom } from "../random.js";

/** How a client calls. */
export type Habit =
  /** Calls until it has its saga's end. */
  | "patient"
  /** The same, then calls every pod again: each must return the same answer. */
  | "asks again"
  /** Cancels its first call, then calls again. */
  | "hangs up"
  /** Cancels its only call. */
  | "leaves for good"
  /** Sets a short deadline for its first call. */
  | "hurried"
  /** Calls two pods at once. */
  | "asks twice at once"
  /** After its answer, sends another request with the same id: ALREADY_EXISTS. */
  | "changes its mind"
  /** Sends two different requests with one id at once: one of them gets ALREADY_EXISTS. */
  | "asks for two things at once";

/** One booking of the load: the same for the same seed. */
export interface Booking {
  readonly id: string;
  readonly mode: Mode;
  /** Whether the payment service must refuse it. */
  readonly faultInject: boolean;
  readonly habit: Habit;
  /** The pod of the first call. */
  readonly pod: number;
  /** After how long the client cancels its first call, or that call's deadline, ms. */
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
