import { setTimeout as after } from "node:timers/promises";
import { expect } from "vitest";
import { wasTooSlow } from "../engine/support/journal-file.js";
import type { Answer, Mode } from "../support/book.js";
import { until } from "../support/until.js";
import type { Place } from "./booking.js";

/** How much is booked. */
export interface LoadPlan {
  readonly clients: number;
  readonly mostInRound: number;
  /** How long a client waits after a failure. Default: 0 */
  readonly pauseMs?: number;
}

/** How much is booked, and how often the server is killed meanwhile. */
export interface KillPlan extends LoadPlan {
  readonly rounds: number;
  /** The kill comes so many ms, at most, after the server takes calls. */
  readonly latestMs: number;
}

/** A booking, and what its client was told. */
export interface Booking {
  readonly id: string;
  readonly mode: Mode;
  readonly faultInject: boolean;
  readonly told: Answer;
}

const modes: readonly Mode[] = ["sync", "async", "throttled"];

/**
 * Books in all modes while the server is killed again and again, and then holds what clients were told, and what the
 * ledgers say, against each other.
 */
export async function killUnderLoad(place: Place, plan: KillPlan): Promise<void> {
  const bookings: Booking[] = [];
  const moments: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const server = await place.startServer();
    const load = startLoad(place, round, plan);
    const moment = Math.round(Math.random() * plan.latestMs);
    moments.push(moment);
    await after(moment); // Not to wait for anything: the moment is what is tested.
    await server.kill9();
    bookings.push(...(await load.stop()));
  }
  await place.startServer();
  const final = await askAgain(place, bookings, `killed after ${moments} ms`);
  await place.settled(
    bookings.map(({ id }) => id),
    `all sagas to end; killed after ${moments} ms`,
  );
  compare(place, bookings, final);
  expect(bookings.length, "there was a load").toBeGreaterThan(plan.rounds * plan.clients - 1);
}

/** Books and books until told to stop, from several clients at once; every third booking of a mode is to be refused. */
export function startLoad(place: Place, round: number, { clients, mostInRound, pauseMs = 0 }: LoadPlan) {
  const asked: { readonly booking: Omit<Booking, "told">; readonly answer: Promise<Answer> }[] = [];
  let stopped = false;
  const client = async () => {
    while (!stopped && asked.length < mostInRound) {
      const at = asked.length;
      const mode = modes[at % 3] ?? "sync";
      const booking = { id: `r${round}-${at}`, mode, faultInject: Math.floor(at / 3) % 3 === 2 };
      const answer = place.book(booking.id, booking);
      asked.push({ booking, answer });
      if ((await answer).code !== 0 && pauseMs > 0) {
        await after(pauseMs); // As clients do that are refused.
      }
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    /** How many bookings were begun. */
    begun: () => asked.length,
    async stop(): Promise<Booking[]> {
      stopped = true;
      await done;
      return Promise.all(asked.map(async ({ answer, booking }) => ({ ...booking, told: await answer })));
    },
  };
}

/** Whether a failure is the saga's own, not that of a server that went away, is not there, or can't write. */
function isFinal({ code, info }: Answer): boolean {
  return code === 0 || (info !== undefined && !passing.includes(info.reason));
}

const passing = ["SAGA_DRAINING", "SAGA_JOURNAL_UNAVAILABLE"];

/** Asks for each booking again, until it has an answer of its own, which must be the one that was given before. */
export async function askAgain(place: Place, bookings: readonly Booking[], when: string) {
  const final = new Map<string, Answer>();
  await Promise.all(
    bookings.map(async ({ id, told, ...booking }) => {
      const answer = await until(async () => {
        const given = await place.book(id, booking);
        return isFinal(given) && given;
      });
      final.set(id, answer);
      if (isFinal(told)) {
        expect(answer, `${id}, ${when}: what the client was told stays true`).toEqual(told);
      }
    }),
  );
  return final;
}

/** Holds what clients were told against what the ledgers say. */
export function compare(place: Place, bookings: readonly Booking[], final: ReadonlyMap<string, Answer>): void {
  const { orders, payments } = place.ledgers();
  for (const { id, mode, faultInject } of bookings) {
    const { code, orderId, paymentId } = final.get(id) ?? { code: -1 };
    const mine = [orders, payments].map(({ entries }) => entries.filter(({ requestId }) => requestId === id));
    const standing = mine.flat().filter(({ status }) => status !== "cancelled");
    if (mode !== "async" && code === 0) {
      expect(faultInject).toBe(false);
      expect(mine, id).toEqual([
        [{ id: orderId, requestId: id, status: "created" }],
        [{ id: paymentId, requestId: id, status: "created" }],
      ]);
    } else if (mode === "async" && !faultInject && !wasTooSlow(place.saga(id))) {
      expect(standing, `${id}: an async booking is carried on, whatever crashes`).toHaveLength(2);
    } else {
      expect(standing, `${id}: nothing is half done`).toEqual([]);
    }
  }
  for (const [key, times] of [...orders.effectsByKey, ...payments.effectsByKey]) {
    expect(times, key).toBe(1);
  }
}
