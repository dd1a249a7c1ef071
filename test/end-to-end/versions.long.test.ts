import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { kafkaVersions } from "../support/kafka/jars.js";
import { skips, useKafka, withoutKafka } from "../support/kafka/test-kafka.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";
import { onKafka } from "./on-kafka.js";
import { allEnded, createPods } from "./pods.js";

const scope = createScope();
const old = "examples/booking/main.ts";
const changed = "test/end-to-end/changed-server.ts";
const facadeName = (mode: string) => `pb.BookingService/Handle${mode}Booking`;

/** Runs `check-sagas` of a server's program to its end. */
async function check(file: string, env: Readonly<Record<string, string>>, ...args: string[]) {
  const program = scope.start(file, { args: ["check-sagas", ...args], env });
  const { code } = await program.exited;
  return { code, stdout: program.stdout(), stderr: program.stderr() };
}

test("sagas outlive a deploy that can't run them: told of, left alone, and finished once their code is back", async () => {
  const place = await createPlace(scope);
  const [, payments] = await place.startUpstreams();
  expect(await check(old, place.env)).toEqual({
    code: 0,
    stdout: `booking server: no saga is in flight: there is no journal yet (${join(place.data, "journal.db")})\n`,
    stderr: "",
  });
  const first = await place.startServer();
  await place.book("ended");
  const [sync, async] = [
    ["s-0", "s-1"],
    ["a-0", "a-1", "a-2"],
  ];
  payments?.child.kill("SIGSTOP");
  const lost = sync.map((id) => place.book(id));
  await Promise.all(async.map((id) => place.book(id, { mode: "async" })));
  await until(() => place.ledgers().orders.entries.length === 6, { what: "all orders" });
  const beside = await check(old, place.env, "--json");
  expect(JSON.parse(beside.stdout)).toMatchObject({ found: true, fitting: 5, parked: [] });
  await first.kill9();
  await Promise.all(lost);

  expect((await check(old, place.env)).stdout).toContain("this code can run all sagas in flight: 5");
  const { code, stdout } = await check(changed, place.env);
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^changed server: 5 sagas in flight can't be run by this code; it can run 0 others \(.*journal\.db\)$/m,
  );
  expect(stdout).toMatch(/^ {2}pb\.BookingService\/HandleSyncBooking: 2 open, 0 stuck, since 20/m);
  expect(stdout).toMatch(/^ {4}began under structure [0-9a-f]{12}…, this code has 000000000000…$/m);
  expect(stdout).toMatch(/^ {4}a-0, a-1, a-2$/m);

  const second = await place.startServer(changed);
  expect(second.stderr()).toContain("5 sagas have a structure that this server does not have, and are parked");
  expect(second.stderr().match(/parked/g), "once and together").toHaveLength(1);
  expect(await place.book("new")).toMatchObject({ code: 0, orderId: 7n });
  expect(await place.book("s-0"), "its client is told").toMatchObject({
    info: { reason: "SAGA_STRUCTURE_CHANGED" },
  });
  const still = await check(changed, place.env, "--json");
  expect(still.code).toBe(1);
  expect(JSON.parse(still.stdout)).toMatchObject({
    fitting: 0,
    parked: [
      { facade: facadeName("Async"), here: "0".repeat(64), open: 3, stuck: 0, sagas: async },
      { facade: facadeName("Sync"), open: 2, sagas: expect.arrayContaining(sync) },
    ],
  });
  await second.stop();
  expect(place.ledgers().orders.effects.map(({ method }) => method)).toEqual(Array(7).fill("create"));

  payments?.child.kill("SIGCONT");
  await place.startServer();
  await place.settled([...sync, ...async]);
  const { orders, payments: paid } = place.ledgers();
  const created = (entries: typeof orders.entries) =>
    entries.filter(({ status }) => status === "created").map(({ requestId }) => requestId);
  expect(created(orders.entries).toSorted()).toEqual([...async, "ended", "new"].toSorted());
  expect(created(paid.entries).toSorted()).toEqual([...async, "ended"].toSorted());
  expect(Math.max(...orders.effectsByKey.values(), ...paid.effectsByKey.values())).toBe(1);
  expect(await check(old, place.env)).toMatchObject({ code: 0 });
});

test("a mistyped check-sagas starts no server", async () => {
  const place = await createPlace(scope);
  const program = scope.start(old, { args: ["chek-sagas"], env: place.env });
  expect(await program.exited).toEqual({ code: 2, signal: null });
  expect(program.stderr()).toContain('unknown argument "chek-sagas"; there is: check-sagas [--json]');
  expect(program.stderr(), "what to do with arguments of one's own").toContain("give runServer `args: []`");
});

test("what can't be found out is neither yes nor no", async () => {
  const place = await createPlace(scope);
  const wrong = await check(old, place.env, "--yaml");
  expect(wrong).toMatchObject({ code: 2, stdout: "" });
  expect(wrong.stderr).toContain("Usage: check-sagas [--json]");
  const unreachable = { ...place.env, SAGA_JOURNAL_KIND: "postgres", PG_URL: "postgres://localhost:1/none" };
  const away = await check(old, unreachable, "--json");
  expect(away).toMatchObject({ code: 2, stdout: "" });
  expect(away.stderr).toContain("SAGA_JOURNAL_UNAVAILABLE");
});

const without = withoutKafka() ?? (process.env.PG_URL === undefined ? postgresMissing : undefined);
const [, version] = kafkaVersions;

describe.skipIf(skips("a rolling deployment on Kafka and PostgreSQL", without))("an old and a new pod together", () => {
  const kafka = useKafka(version);

  test("each carry their own sagas through, and the new one alone leaves the old ones to who comes back", async () => {
    const place = await createPlace(scope, onKafka(kafka.brokers));
    const [, payments] = await place.startUpstreams();
    const pods = await createPods(scope, place);
    const [before, after] = [await pods.pod("old"), await pods.pod("new", changed)];
    expect((await check(old, before.env)).stdout).toContain("there is no journal yet (schema ");
    const [first, second] = await Promise.all([before.start(), after.start()]);
    const book = (name: string, pod: typeof before) =>
      Promise.all(Array.from({ length: 40 }, (_, n) => pod.book(`${name}-${n}`, { mode: "throttled" })));
    const [olds, news] = await Promise.all([book("o", before), book("n", after)]);
    expect(olds.map(({ code }) => code)).toEqual(olds.map(() => 0));
    expect(new Set(news.map(({ orderId }) => orderId))).toEqual(new Set([7n]));
    expect(place.ledgers().orders.entries).toHaveLength(80);
    expect(place.ledgers().payments.entries.map(({ requestId }) => requestId.slice(0, 1))).toEqual(Array(40).fill("o"));
    expect(await check(changed, after.env)).toMatchObject({ code: 0 });

    payments?.child.kill("SIGSTOP");
    const left = ["l-0", "l-1", "l-2"];
    await Promise.all(left.map((id) => before.book(id, { mode: "async" })));
    await until(() => place.ledgers().orders.entries.length === 83, { what: "their orders" });
    await first.kill9();
    const told = await check(changed, after.env, "--json");
    expect(told.code).toBe(1);
    expect(JSON.parse(told.stdout).parked).toMatchObject([
      { facade: facadeName("Async"), here: "0".repeat(64), open: 3, sagas: expect.arrayContaining(left) },
    ]);
    expect([...(await pods.pods())].toSorted(), "a look is no pod").toEqual(["new", "old"]);
    expect(await after.book("n-last", { mode: "throttled" })).toMatchObject({ code: 0 });
    expect(await pods.open()).toBe(3);
    payments?.child.kill("SIGCONT");
    await before.start();
    await allEnded(pods);
    const paid = place.ledgers().payments;
    expect(paid.entries.filter(({ requestId }) => requestId.startsWith("l"))).toHaveLength(3);
    expect(Math.max(...paid.effectsByKey.values())).toBe(1);
    expect(second.stderr(), "nothing was poison to the new one").not.toContain("dead letters");
  });
});
