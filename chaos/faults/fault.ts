import { setMaxListeners } from "node:events";
import type { Random } from "../random.js";

/** A kind of fault, which happens again and again. */
export interface Fault {
  /** "kills a pod" */
  readonly name: string;
  /** How long after the end of one the next comes, ms: from half of it to one and a half times. */
  readonly everyMs: number;
  /** Does it and heals it, and is done then. What it draws is the same for the same seed. */
  happen(random: Random): Promise<void>;
}

/** Faults under way. */
export interface UnderWay {
  /** No new ones; resolves when those that happen are healed. */
  stop(): Promise<void>;
}

/**
 * Has all kinds of faults happen beside each other until stopped, each in a rhythm of its own that the seed says.
 * @param failed told of a fault that could not happen, or be healed, as it should; it does not come again
 * @param log told of each fault's beginning and end
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
      log(`${name}: begins`);
      await happen(chance);
      log(`${name}: is over`);
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

/** Waits so long, ms, or until the signal. */
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
