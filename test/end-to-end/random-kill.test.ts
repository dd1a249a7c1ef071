import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { expect, test } from "vitest";
import { readSaga } from "../engine/support/journal-file.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type Answer, createPlace, type Place } from "./booking.js";

const scope = createScope();
const rounds = 5;
const clients = 8;
const mostInRound = 60;

/** Whether a failure is the saga's own, not that of a server that went away or is not there. */
function isFinal({ code, info }: Answer): boolean {
  return code === 0 || (info !== undefined && info.reason !== "SAGA_DRAINING");
}

/** Books and books until told to stop, from several clients at once; every third booking is to be refused. */
function startLoad(place: Place, round: number) {
  const asked: { readonly id: string; readonly faultInject: boolean; readonly answer: Promise<Answer> }[] = [];
  let stopped = false;
  const client = async () => {
    while (!stopped && asked.length < mostInRound) {
      const id = `r${round}-${asked.length}`;
      const faultInject = asked.length % 3 === 2;
      const answer = place.book(id, { faultInject });
      asked.push({ id, faultInject, answer });
      await answer;
    }
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  return {
    async stop() {
      stopped = true;
      await done;
      return Promise.all(asked.map(async ({ answer, ...booking }) => ({ ...booking, told: await answer })));
    },
  };
}

test("SIGKILL at random moments under load: every answer stays true, and the ledgers agree with each", async () => {
  const place = await createPlace(scope);
  await place.startUpstreams();
  const bookings: { readonly id: string; readonly faultInject: boolean; readonly told: Answer }[] = [];
  const moments: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await place.startServer();
    const load = startLoad(place, round);
    const moment = Math.round(Math.random() * 400);
    moments.push(moment);
    await after(moment); // Not to wait for anything: the moment is what is tested.
    await server.kill9();
    bookings.push(...(await load.stop()));
  }

  await place.startServer();
  const final = new Map<string, Answer>();
  for (const { id, faultInject, told } of bookings) {
    const answer = await until(async () => {
      const given = await place.book(id, { faultInject });
      return isFinal(given) && given;
    });
    final.set(id, answer);
    if (isFinal(told)) {
      expect(answer, `${id}, killed after ${moments} ms: what the client was told stays true`).toEqual(told);
    }
  }

  const journal = join(place.data, "journal.db");
  await until(() => bookings.every(({ id }) => readSaga(journal, id)?.phase !== "open"), {
    what: `all sagas to end; killed after ${moments} ms`,
  });
  const { orders, payments } = place.ledgers();
  for (const { id, faultInject } of bookings) {
    const { code, orderId, paymentId } = final.get(id) ?? { code: -1 };
    const mine = [orders, payments].map(({ entries }) => entries.filter(({ requestId }) => requestId === id));
    if (code === 0) {
      expect(faultInject).toBe(false);
      expect(mine, id).toEqual([
        [{ id: orderId, requestId: id, status: "created" }],
        [{ id: paymentId, requestId: id, status: "created" }],
      ]);
    } else {
      expect(
        mine.flat().filter(({ status }) => status !== "cancelled"),
        `${id}: nothing is half done`,
      ).toEqual([]);
    }
  }
  for (const [key, times] of [...orders.effectsByKey, ...payments.effectsByKey]) {
    expect(times, key).toBe(1);
  }
  expect(bookings.length, "there was a load").toBeGreaterThan(rounds * clients - 1);
});
