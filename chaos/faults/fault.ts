import { setMaxListeners } from "node:events";
import type { Random } from "../random.js";

/** A kind of fault, which happens repeatedly. */
export interface Fault {
  /** "kills a pod" */
  readonly name: string;
  /** Mean pause from the end of one to the next, ms; the pause is 0.5 to 1.5 times as long. */
  readonly everyMs: number;
  /** Causes the fault and ends it. The same seed draws the same values. */
  happen(random: Random): Promise<void>;
}

/** Running faults. */
export interface UnderWay {
  /** Starts no more faults; resolves when the current ones have ended. */
  stop(): Promise<void>;
}

/**
 * Runs all kinds of faults concurrently until stopped. The seed decides each one's times.
 * @param failed called if a fault could not be caused or ended; that kind stops
 * @param log called at the start and end of each fault
 */
export function startFaults(
  faults: readonly Fault[],
  random: (fault: string) => Random,
  failed: (fault: string, error: unknown) => void,
  log: (line: string) => void,
): UnderWay {
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal);
  const lane = async ({ name, everyMs, happen }: Fault) => {
    const chance = random(name);
    while (!stopping.signal.aborted) {
      await pause(chance.between(0.5, 1.5) * everyMs, stopping.signal);
      if (stopping.signal.aborted) return;
      log(`${name}: started`);
      await happen(chance);
      log(`${name}: ended`);
    }
  };
  const lanes = faults.map((fault) => lane(fault).catch((error) => failed(fault.name, error)));
  return {
    async stop() {
      stopping.abort();
      await Promise.all(lanes);
    },
  };
}

/** Waits for a time, in ms, or until the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}
