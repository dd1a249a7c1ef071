import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

const scope = createScope();

/** A server that was asked to stop while a saga waits for the payment service, which gives no answer until it is let. */
async function askedToStop() {
  const place = await createPlace(scope);
  const [, payments] = await place.startUpstreams();
  const server = await place.startServer();
  expect(await place.book("warm")).toMatchObject({ code: 0 });
  payments?.child.kill("SIGSTOP");
  scope.defer(() => payments?.child.kill("SIGCONT"));
  const answer = place.book("a");
  await until(() => place.ledgers().orders.entries.length === 2, { what: "the saga's order" });
  server.child.kill("SIGINT");
  await until(() => server.stderr().includes("draining"), { what: "the server to drain" });
  return { server, answer, goOn: () => payments?.child.kill("SIGCONT") };
}

test("Ctrl-C that comes twice at once, as under a wrapper that passes it on, drains like one", async () => {
  const { server, answer, goOn } = await askedToStop();
  server.child.kill("SIGINT");
  goOn();
  expect(await answer).toMatchObject({ code: 0 });
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(server.stderr()).toContain('"msg":"stopped"');
});

test("one that comes more than a second later stops the server at once, with 1", async () => {
  const { server, answer } = await askedToStop();
  const asked = performance.now();
  const again = setInterval(() => server.child.kill("SIGINT"), 50);
  scope.defer(() => clearInterval(again));
  expect(await server.exited).toEqual({ code: 1, signal: null });
  expect(performance.now() - asked, "those of the first second were the first one").toBeGreaterThan(500);
  expect(server.stderr()).not.toContain('"msg":"stopped"');
  expect((await answer).code).not.toBe(0);
});
