import { expect, test } from "vitest";
import { createEmbeddedBroker } from "../../runtime/broker/embedded.js";
import { hashOf } from "../../runtime/testing/world/chance.js";
import { createDatabase } from "../../runtime/testing/world/database.js";
import { createLedger } from "../../runtime/testing/world/ledger.js";
import { startPod } from "../../runtime/testing/world/pod.js";
import { createProcess } from "../../runtime/testing/world/process.js";
import { createScheduler } from "../../runtime/testing/world/scheduler.js";
import { createTables } from "../../runtime/testing/world/tables.js";
import { createNetwork } from "../../runtime/testing/world/upstreams.js";
import { facadeOf } from "../engine/support/facade.js";

const leaseMs = 15_000;
const silent = { failed() {}, lag() {}, deadLettered() {} };
const facades = [
  facadeOf({ name: "test.Service/Sync", steps: { order: {}, payment: { timeoutMs: 60_000 } } }),
  facadeOf({ name: "test.Service/Async", mode: "async", recovery: "carry-on", steps: { order: {}, payment: {} } }),
];
const body = new TextEncoder().encode("{}");

/** A server dies with sagas in hand, whose payment service gives no answer. @returns when another had them, ms later */
async function takeOver(seed: number): Promise<number> {
  const scheduler = createScheduler(seed);
  const tables = createTables(scheduler.now);
  const database = createDatabase(scheduler, tables, { leaseMs });
  const ledger = createLedger(() => ({ ok: true, body }));
  let dead = false;
  const travel = ({ idempotencyKey }: { readonly idempotencyKey: string }) =>
    idempotencyKey.endsWith("/payment") && !dead ? { requestMs: "lost" as const } : {};
  const network = createNetwork({ scheduler, service: ledger.service, travel });
  const start = async (name: string) => {
    let draws = 0;
    const random = () => hashOf(seed, `${name}/${draws++}`) / 2 ** 32;
    const process = createProcess({ scheduler, name, incarnation: 1, random });
    const opening = database.open(process);
    await scheduler.run({ untilMs: scheduler.now() + 10 });
    const journal = await opening;
    const broker = createEmbeddedBroker(journal.messages, silent, { after: process.after });
    return startPod({ process, facades, journal, broker, upstreams: network.connect(process) });
  };
  const [a] = [await start("a"), await start("b")];
  // At any moment between two beats, and two looks of the other.
  await scheduler.run({ untilMs: scheduler.now() + (hashOf(seed, "when") % leaseMs) });
  for (const facade of facades) a.ask(facade, { sagaId: facade.name, request: {} });
  await scheduler.run({ untilMs: scheduler.now() + 100 });
  expect([...tables.sagas.values()].map(({ owner }) => owner)).toEqual(["a", "a"]);
  a.process.kill();
  dead = true;
  const diedAtMs = scheduler.now();
  while ([...tables.sagas.values()].some(({ owner }) => owner === "a")) {
    expect(scheduler.now() - diedAtMs).toBeLessThan(10 * leaseMs);
    await scheduler.run({ untilMs: scheduler.now() + 10 });
  }
  const tookMs = scheduler.now() - diedAtMs;
  await scheduler.run({ untilMs: scheduler.now() + 120_000 });
  expect(facades.map(({ name }) => tables.sagas.get(name)?.phase)).toEqual(["compensated", "completed"]);
  return tookMs;
}

test("another server takes over a dead server's sagas within two leases, and not before its lease expires", async () => {
  const took: number[] = [];
  for (let seed = 1; seed <= 200; seed++) took.push(await takeOver(seed));
  expect(Math.max(...took)).toBeLessThan(2 * leaseMs);
  // The dead one said that it lives a third of a lease before it died, at the earliest.
  expect(Math.min(...took)).toBeGreaterThan((leaseMs * 2) / 3 - 100);
});

test("an entry of a dead server that arrives after its successor started has its messages sent", async () => {
  const scheduler = createScheduler(1);
  const tables = createTables(scheduler.now);
  const database = createDatabase(scheduler, tables, { leaseMs });
  const process = createProcess({ scheduler, name: "a", incarnation: 2, random: () => 0.5 });
  const opening = database.open(process);
  await scheduler.run({ untilMs: scheduler.now() + 10 });
  const journal = await opening;
  const handled: string[] = [];
  startPod({
    process,
    facades,
    journal,
    broker: createEmbeddedBroker(journal.messages, silent, { after: process.after }),
    upstreams: createNetwork({ scheduler, service: createLedger().service }).connect(process),
    completion: { topic: "done", handler: async ({ key }) => void handled.push(key) },
  });
  await scheduler.run({ untilMs: scheduler.now() + 100 });
  const end = { seq: 0, record: new Uint8Array(), phase: "completed", request: body } as const;
  const messages = [{ topic: "done", key: "late", body: "{}" }];
  tables.create({ sagaId: "late", facade: "test.Service/Sync", fingerprint: "x", ...end, messages }, "a");
  await scheduler.run({ untilMs: scheduler.now() + 2 * leaseMs });
  expect(handled).toEqual(["late"]);
  expect(tables.messages.size).toBe(0);
});
