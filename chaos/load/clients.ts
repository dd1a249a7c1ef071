import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, bookWith } from "../../test/support/book.js";
import type { Pod } from "../cluster/cluster.js";
import type { Counts } from "../counts.js";
import { meaningOf } from "./answers.js";
import type { Booking } from "./booking.js";

/** The answers that the clients of a booking got. */
export interface History {
  readonly booking: Booking;
  /** Answers to the booking's own request. All must be equal. */
  readonly answers: Answer[];
  /** Answers to another request with the same id. */
  readonly otherAnswers: Answer[];
  /** Whether each of its clients that waited for an answer has one. */
  satisfied: boolean;
}

/** What clients need to call the pods. */
export interface Reach {
  readonly pods: readonly Pick<Pod, "booking">[];
  readonly counts: Counts;
  /** Aborts when clients must stop waiting for answers. */
  readonly over: AbortSignal;
}

interface Ask {
  readonly pod: number;
  readonly other?: boolean;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Longer than a pod stalls. It bounds throttled sagas, which also wait while Kafka is down. */
const deadlineMs = { sync: 8_000, async: 8_000, throttled: 25_000 };
const otherProduct = 2n;

/** The history of a booking before its first call. */
export function beginHistory(booking: Booking): History {
  return { booking, answers: [], otherAnswers: [], satisfied: false };
}

/** Runs the clients of a booking until they have their answers. */
export async function runClients(history: History, reach: Reach): Promise<void> {
  const { booking } = history;
  const { pod, habit, patienceMs } = booking;
  const next = pod + 1;
  switch (habit) {
    case "leaves for good":
      await askOnce(history, reach, { pod, signal: AbortSignal.timeout(Math.ceil(patienceMs)) });
      history.satisfied = true;
      return;
    case "hangs up":
      await askOnce(history, reach, { pod, signal: AbortSignal.timeout(Math.ceil(patienceMs)) });
      break;
    case "hurried":
      await askOnce(history, reach, { pod, deadlineMs: patienceMs });
      break;
    case "asks twice at once":
      await Promise.all([persist(history, reach, { pod }), persist(history, reach, { pod: next })]);
      break;
    case "asks for two things at once":
      await Promise.all([persist(history, reach, { pod }), persist(history, reach, { pod: next, other: true })]);
      break;
    default:
  }
  await persist(history, reach, { pod });
  if (habit === "asks again") for (const again of reach.pods.keys()) await persist(history, reach, { pod: again });
  if (habit === "changes its mind") await persist(history, reach, { pod: next, other: true });
  history.satisfied = !reach.over.aborted;
}

/** Calls one pod after the other until one returns the saga's end or "the id is in use". */
export async function persist(history: History, reach: Reach, ask: Ask): Promise<void> {
  for (let attempt = 0; !reach.over.aborted; attempt++) {
    if (attempt > 0) {
      reach.counts.add("calls repeated");
      await sleep(Math.min(2_000, 50 * 2 ** attempt));
    }
    const meaning = await askOnce(history, reach, { ...ask, pod: ask.pod + attempt });
    if (meaning === "end" || meaning === "taken") return;
  }
}

async function askOnce({ booking, answers, otherAnswers }: History, { pods, counts }: Reach, ask: Ask) {
  const client = pods[ask.pod % pods.length]?.booking;
  if (client === undefined) throw new Error("no pods");
  const { id, mode, faultInject } = booking;
  const answer = await bookWith(client, id, {
    mode,
    faultInject,
    deadlineMs: ask.deadlineMs ?? deadlineMs[mode],
    signal: ask.signal,
    ...(ask.other ? { productId: otherProduct } : {}),
  });
  const meaning = meaningOf(answer);
  if (meaning === "end" || meaning === "taken") {
    (ask.other ? otherAnswers : answers).push(answer);
    counts.add("answers");
  }
  if (meaning === "lost") counts.add(ask.signal?.aborted ? "calls cancelled" : "answers lost");
  if (meaning === "later") counts.add(`refused for now: ${answer.info?.reason}`);
  return meaning;
}
