import type { World } from "../world/world.js";
import type { NodeWatch } from "./watch-nodes.js";

/** How long code of the user's may take, ms of real time. */
const patienceMs = 5_000;

/** How many events a case may take: past that something runs in circles. */
const maxEvents = 100_000;

/**
 * Lets virtual time go on until a condition holds, or nothing is to happen any more. It stands still while a node's answer
 * is awaited, which takes real time.
 * @throws Error where a node does not answer
 */
export async function letTimeGoOn(
  { scheduler }: World,
  watch: NodeWatch,
  until: () => boolean = () => false,
): Promise<"done" | "idle" | "late"> {
  for (;;) {
    const how = await scheduler.run({ until: () => watch.pending > 0 || until(), maxEvents });
    if (watch.pending === 0) {
      return how;
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, patienceMs, true);
    });
    const tooLate = await Promise.race([watch.answered().then(() => false), late]);
    clearTimeout(timer);
    if (tooLate) {
      throw new Error(`a node did not answer within ${patienceMs / 1_000} s: nodes are to be quick`);
    }
  }
}
