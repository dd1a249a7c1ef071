import { type Clock, systemClock } from "../../../runtime/engine/ports.js";

/** Periodic searches of the journal wait longer than any retry of these tests. */
const sweepsFromMs = 3_000;

/** The machine's clock without randomness, where retries wait for some ms at most. For sagas without deadlines. */
export const hastyClock: Clock = {
  now: systemClock.now,
  after: (ms, action) => systemClock.after(ms < sweepsFromMs ? Math.min(ms, 5) : ms, action),
  random: () => 0,
};

/** A clock that only a test moves. */
export interface ManualClock extends Clock {
  /** Lets time pass: what is due runs in its order. */
  advance(ms: number): void;
  /** Runs what is waited for, whenever it is due, and lets no time pass. */
  fire(): void;
  /** How many timers wait. */
  pending(): number;
}

/** Makes a clock that only a test moves. Timers of 0 ms still fire. */
export function createManualClock(): ManualClock {
  let now = 1_800_000_000_000;
  const timers = new Set<{ readonly at: number; readonly action: () => void }>();
  return {
    now: () => now,
    random: () => 0,
    after(ms, action) {
      if (ms === 0) {
        return systemClock.after(0, action);
      }
      const timer = { at: now + ms, action };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pending: () => timers.size,
    fire() {
      for (const timer of [...timers]) {
        if (timers.delete(timer)) {
          timer.action();
        }
      }
    },
    advance(ms) {
      now += ms;
      for (const timer of [...timers].sort((one, other) => one.at - other.at)) {
        if (timer.at <= now && timers.delete(timer)) {
          timer.action();
        }
      }
    },
  };
}
