import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, bookWith } from "../../test/support/book.js";
import type { Counts } from "../counts.js";
import type { Pod } from "../place/place.js";
import { meaningOf } from "./answers.js";
import type { Booking } from "./booking.js";

/** What the clients of a booking were told. */
export interface History {
  readonly booking: Booking;
  /** What was asked under the id, in the first place: one end, told any number of times. */
  readonly told: Answer[];
  /** What was told to whoever asked for something else under the same id. */
  readonly toldOther: Answer[];
  /** Whether every client of it that wanted an answer has one. */
  satisfied: boolean;
}

/** How clients reach the pods. */
export interface Reach {
  readonly pods: readonly Pick<Pod, "booking">[];
  readonly counts: Counts;
  /** Aborts when there is no more time to wait for answers. */
  readonly over: AbortSignal;
}

interface Ask {
  readonly pod: number;
  readonly other?: boolean;
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** Long enough to wait for a stalled pod; for a throttled saga, which it bounds, for a Kafka that was away, too. */
const deadlineMs = { sync: 8_000, async: 8_000, throttled: 25_000 };
const otherProduct = 2n;

/** Begins a booking's history. */
export function beginHistory(booking: Booking): History {
  return { booking, told: [], toldOther: [], satisfied: false };
}

/** Lives through a booking as its client does, until it has what it wants. */
export async function live(history: History, reach: Reach): Promise<void> {
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

/** Asks one pod after the other until one of them tells the end, or that the id is taken. */
export async function persist(history: History, reach: Reach, ask: Ask): Promise<void> {
  for (let attempt = 0; !reach.over.aborted; attempt++) {
    if (attempt > 0) {
      reach.counts.add("asked again after no answer");
      await sleep(Math.min(2_000, 50 * 2 ** attempt));
    }
    const meaning = await askOnce(history, reach, { ...ask, pod: ask.pod + attempt });
    if (meaning === "end" || meaning === "taken") return;
  }
}

async function askOnce({ booking, told, toldOther }: History, { pods, counts }: Reach, ask: Ask) {
  const client = pods[ask.pod % pods.length]?.booking;
  if (client === undefined) throw new Error("there is no pod");
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
    (ask.other ? toldOther : told).push(answer);
    counts.add("answers");
  }
  if (meaning === "lost") counts.add(ask.signal?.aborted ? "hung up" : "answers lost");
  if (meaning === "later") counts.add(`told to come again: ${answer.info?.reason}`);
  return meaning;
}
