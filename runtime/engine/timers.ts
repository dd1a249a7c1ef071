import type { Clock } from "./ports.js";

/** The engine's own timers. */
export interface Timers extends Pick<Clock, "after" | "random"> {
  /** Calls all of them off, and begins no more. */
  stop(): void;
}

/** Keeps account of what waits, so that nothing of a stopped engine does. */
export function createTimers(clock: Clock): Timers {
  const waiting = new Set<() => void>();
  let stopped = false;
  return {
    random: clock.random,
    after(ms, action) {
      if (stopped) {
        return () => {};
      }
      const cancel = clock.after(ms, () => {
        waiting.delete(cancel);
        action();
      });
      waiting.add(cancel);
      return () => {
        waiting.delete(cancel);
        cancel();
      };
    },
    stop() {
      stopped = true;
      for (const cancel of waiting) {
        cancel();
      }
      waiting.clear();
    },
  };
}
