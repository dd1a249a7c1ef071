import type { Pod } from "../cluster/cluster.js";
import { pause } from "../faults/fault.js";
import { meaningOf } from "../load/answers.js";
import { type History, persist, type Reach } from "../load/clients.js";
import { fetchSaga, type SagaSeen } from "./saga-seen.js";

const concurrency = 32;

/** Polls the saga of each booking until all have ended or `timeoutMs` is over. @returns each saga as last seen */
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
      const saga = pod && (await fetchSaga(pod.sagas, id).catch(() => undefined));
      if (saga !== undefined) seen.set(id, saga);
    });
    left = left.filter((id) => !["COMPLETED", "COMPENSATED", "none"].includes(seen.get(id)?.state ?? "open"));
    if (Date.now() > deadline) break;
    if (left.length > 0) await pause(200);
  }
  return seen;
}

/** Repeats each answered request at another pod: it must get the same answer. */
export async function askAllAgain(histories: readonly History[], reach: Reach): Promise<void> {
  await inParallel(histories, async (history, n) => {
    if (history.answers.some((answer) => meaningOf(answer) === "end")) await persist(history, reach, { pod: n });
  });
}

async function inParallel<One>(all: readonly One[], act: (one: One, n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < all.length; n = next++) await act(all[n] as One, n);
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
