import { expect, test } from "vitest";
import { freeAddress } from "../support/free-port.js";
import { childrenOf, living } from "../support/processes.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace, type Place } from "./booking.js";

const scope = createScope();

/** The example's main program with upstreams of its own. @param fromSource as `npm start` runs it */
async function startExample(place: Place, fromSource = false) {
  const env = { ...place.env, BOOKING_UPSTREAMS: "" };
  const process = scope.start("examples/booking/main.ts", { env, fromSource });
  await process.line("ready on");
  const upstreams = childrenOf(process.pid, "-main.js");
  scope.defer(() => {
    for (const pid of living(upstreams)) {
      globalThis.process.kill(pid, "SIGKILL");
    }
  });
  expect(upstreams, "an order and a payment service").toHaveLength(2);
  return { process, upstreams };
}

function gone(pids: readonly number[]): Promise<true> {
  return until(() => living(pids).length === 0, { what: `processes ${pids.join(", ")} to be gone` });
}

test("the first start: what it prints and answers, a second start beside it, and Ctrl-C", async () => {
  const place = await createPlace(scope);
  const { SAGA_LISTEN: address } = place.env;
  const { process, upstreams } = await startExample(place, true);
  expect(process.stdout()).toBe(`booking server ready on ${address}\n`);

  const first = await place.book("a");
  expect(first).toMatchObject({ code: 0, orderId: 1n, paymentId: 2n });
  expect(await place.book("a")).toEqual(first);
  expect(await place.book("a", { productId: 2n })).toMatchObject({
    code: 6,
    info: { reason: "SAGA_REQUEST_ID_TAKEN", domain: "protosaga", metadata: { saga_id: "a" } },
  });
  expect(place.ledgers().orders.entries).toEqual([{ id: 1n, requestId: "a", status: "created" }]);

  expect(await place.book("b", { faultInject: true })).toEqual({
    code: 3,
    message: "payment refused: fault_inject is set",
    info: expect.objectContaining({ metadata: { saga_id: "b", step: "createPayment" } }),
  });
  await until(() => place.ledgers().orders.entries[1]?.status === "cancelled", { what: "the order to be cancelled" });
  expect(place.ledgers().payments.entries).toEqual([{ id: 2n, requestId: "a", status: "created" }]);

  const second = scope.start("examples/booking/main.ts", { env: { ...place.env, BOOKING_UPSTREAMS: "" } });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.stderr()).toContain(`SAGA_LISTEN_FAILED: can't listen on ${address}: the port is taken`);
  expect(second.stderr().trim().split("\n"), "one line, no stack").toHaveLength(1);
  expect(second.stdout()).toBe("");
  expect(living(upstreams), "the first one's upstreams").toHaveLength(2);
  expect(await place.book("c")).toMatchObject({ code: 0 });

  expect(await process.stop("SIGINT")).toEqual({ code: 0, signal: null });
  await gone(upstreams);
  expect(process.stdout(), "nothing but the one line").toBe(`booking server ready on ${address}\n`);
});

test("a second start on another port says in one line that the example's own services lack theirs, and how to mend it", async () => {
  const place = await createPlace(scope);
  const { process, upstreams } = await startExample(place);
  const env = { ...place.env, BOOKING_UPSTREAMS: "", SAGA_LISTEN: await freeAddress(), SAGA_DATA_DIR: scope.tempDir() };
  const second = scope.start("examples/booking/main.ts", { env });
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.stderr()).toMatch(
    /^booking server can't start\. SAGA_LISTEN_FAILED: the example's pb\.\w+ can't listen on localhost:\d+: the port is taken; .*set SAGA_UPSTREAMS_PB_\w+_ADDRESS .*BOOKING_UPSTREAMS=external .*\n$/,
  );
  expect(living(upstreams), "the first one's upstreams").toHaveLength(2);
  expect(await process.stop("SIGINT")).toEqual({ code: 0, signal: null });
  await gone(upstreams);
});

test("SIGKILL of the server leaves no upstream behind, and a restart knows all answers", async () => {
  const place = await createPlace(scope);
  const { process, upstreams } = await startExample(place);
  const booked = await place.book("a");
  const refused = await place.book("b", { faultInject: true });
  expect([booked.code, refused.code]).toEqual([0, 3]);
  await process.kill9();
  await gone(upstreams);

  const again = await startExample(place);
  expect(await place.book("a")).toEqual(booked);
  expect(await place.book("b", { faultInject: true })).toEqual(refused);
  expect(await place.book("c")).toMatchObject({ code: 0, orderId: 4n, paymentId: 5n });
  expect(await again.process.stop("SIGTERM")).toEqual({ code: 0, signal: null });
  await gone(again.upstreams);
});
