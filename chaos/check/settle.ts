import { pause } from "../faults/fault.js";
import { meaningOf } from "../load/answers.js";
import { type History, persist, type Reach } from "../load/clients.js";
import type { Pod } from "../place/place.js";
import { askForSaga, type SagaSeen } from "./saga-seen.js";

const atOnce = 32;

/** Asks for every booking's saga again and again until each has ended or the time is up. @returns the last seen of each */
export async function watchToEnd(
  histories: readonly History[],
  pods: readonly Pick<Pod, "sagas">[],
  timeoutMs: number,
): Promise<ReadonlyMap<string, SagaSeen>> {
  const seen = new Map<string, SagaSeen>();
  const deadline = Date.now() + timeoutMs;
  let left = histories.map(({ booking }) => booking.id);
  for (let round = 0; left.length > 0; round++) {
    await inParallel(left, async (id, n) => {
      const pod = pods[(n + round) % pods.length];
      const saga = pod && (await askForSaga(pod.sagas, id).catch(() => undefined));
      if (saga !== undefined) seen.set(id, saga);
    });
    left = left.filter((id) => !["COMPLETED", "COMPENSATED", "none"].includes(seen.get(id)?.state ?? "open"));
    if (Date.now() > deadline) break;
    if (left.length > 0) await pause(200);
  }
  return seen;
}

/** Asks once more for everything that was asked for, at another pod: what was told must be told again. */
export async function askAllAgain(histories: readonly History[], reach: Reach): Promise<void> {
  await inParallel(histories, async (history, n) => {
    if (history.told.some((answer) => meaningOf(answer) === "end")) await persist(history, reach, { pod: n });
  });
}

async function inParallel<One>(all: readonly One[], act: (one: One, n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < all.length; n = next++) await act(all[n] as One, n);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
