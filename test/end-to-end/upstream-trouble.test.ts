import { join } from "node:path";
import { expect, test } from "vitest";
import { readSaga } from "../engine/support/journal-file.js";
import { startFaultyOrderService, startFaultyPaymentService } from "../support/faulty-upstream.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

const scope = createScope();

test("upstreams down at start: calls fail after their retries, and nothing is half done once they are up", async () => {
  const place = await createPlace(scope);
  await place.startServer();
  const told = await place.book("a");
  expect(told).toMatchObject({
    code: 14,
    info: { reason: "SAGA_STEP_FAILED", metadata: { saga_id: "a", step: "createOrder" } },
  });
  const journal = join(place.data, "journal.db");
  const called = readSaga(journal, "a")?.story.filter((event) => event === "stepCalled 0");
  expect(called, "as often as the policy says").toHaveLength(3);

  await place.startUpstreams();
  await until(() => readSaga(journal, "a")?.phase === "compensated", { what: "the saga to be undone" });
  expect(place.ledgers().orders).toMatchObject({ entries: [], tombstones: ["a"] });
  expect(place.ledgers().payments.entries).toEqual([]);
  expect(await place.book("a"), "the answer is recorded").toEqual(told);

  await until(async () => (await place.book("b")).code === 0);
  expect(place.ledgers().orders.entries).toMatchObject([{ requestId: "b", status: "created" }]);
  expect(place.ledgers().payments.entries).toMatchObject([{ requestId: "b", status: "created" }]);
});

test("SIGTERM while a saga runs: its client is answered, nobody new is let in, and the server exits with 0", async () => {
  const place = await createPlace(scope);
  const data = join(place.data, "upstreams");
  const { SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: order = "", SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS: payment = "" } =
    place.env;
  scope.use(await startFaultyOrderService({ address: order, data }));
  const payments = scope.use(await startFaultyPaymentService({ address: payment, data }));
  const server = await place.startServer();
  let open = () => {};
  payments.plan("createPayment", { hold: new Promise<void>((resolve) => (open = resolve)) });
  const slow = place.book("slow");
  await until(() => payments.calls.length === 1);

  const exited = server.stop("SIGTERM");
  let tries = 0;
  await until(async () => (await place.book(`late-${++tries}`)).info?.reason === "SAGA_DRAINING", {
    what: "the server to let nobody in",
  });
  open();
  const answer = await slow;
  expect(answer).toMatchObject({ code: 0, orderId: 1n });
  expect(await exited).toEqual({ code: 0, signal: null });

  await place.startServer();
  expect(await place.book("slow")).toEqual(answer);
  expect(place.ledgers().orders.entries.filter(({ requestId }) => requestId === "slow")).toHaveLength(1);
});
