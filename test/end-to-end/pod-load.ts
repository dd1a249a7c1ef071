import { status } from "@grpc/grpc-js";
import { expect } from "vitest";
import { type SeenSaga, wasTooSlow } from "../engine/support/journal-file.js";
import type { Answer, Mode } from "../support/book.js";
import type { Place } from "./booking.js";
import type { Pod } from "./pods.js";

/** A booking, and what its client is told in the end. */
export interface Booking {
  readonly id: string;
  readonly mode: Mode;
  readonly faultInject: boolean;
  readonly answer: Promise<Answer>;
}

/** Longer than a pod, or its Kafka, takes to be back on a slow machine: the deadline of a client is its saga's, too. */
const deadlineMs = 120_000;

/** Books at the pods by turns until told to stop; whoever gets no answer asks another pod, under the same id. */
export function startLoad(
  pods: readonly Pick<Pod, "book">[],
  clients: number,
  modes: readonly Mode[] = ["async", "throttled"],
) {
  const bookings: Booking[] = [];
  let stopped = false;
  const persist = async (id: string, options: { mode: Mode; faultInject: boolean }): Promise<Answer> => {
    for (let at = bookings.length; ; at++) {
      const answer = await pods[at % pods.length]?.book(id, { ...options, deadlineMs });
      // A pod that is gone, or going, has not told how the saga ends.
      if (answer !== undefined && (answer.code === 0 || (answer.info && answer.info.reason !== "SAGA_DRAINING"))) {
        return answer;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const client = async () => {
    while (!stopped) {
      const n = bookings.length;
      const options = { mode: modes[n % modes.length] ?? "async", faultInject: n % 10 < 2 };
      const answer = persist(`p-${n}`, options);
      bookings.push({ id: `p-${n}`, ...options, answer });
      await answer;
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    bookings,
    async stop() {
      stopped = true;
      await done;
    },
  };
}

/** Holds what clients were told, and what the ledgers say, against what should be. @param saga what the journal says of one */
export async function compare(
  place: Place,
  bookings: readonly Booking[],
  saga: (id: string) => SeenSaga | undefined | Promise<SeenSaga | undefined> = place.saga,
): Promise<void> {
  const { orders, payments } = place.ledgers();
  const standing = new Map<string, number>();
  for (const { requestId, status } of [...orders.entries, ...payments.entries]) {
    standing.set(requestId, (standing.get(requestId) ?? 0) + (status === "created" ? 1 : 0));
  }
  for (const { id, mode, faultInject, answer } of bookings) {
    const { code } = await answer;
    const stands = standing.get(id) ?? 0;
    const tooSlow = stands === 0 && wasTooSlow(await saga(id));
    const refused = tooSlow ? status.DEADLINE_EXCEEDED : faultInject ? status.INVALID_ARGUMENT : status.OK;
    expect(code, id).toBe(mode === "throttled" ? refused : status.OK);
    expect(stands, id).toBe(refused === status.OK ? 2 : 0);
  }
  for (const [key, times] of [...orders.effectsByKey, ...payments.effectsByKey]) {
    expect(times, key).toBe(1);
  }
}
