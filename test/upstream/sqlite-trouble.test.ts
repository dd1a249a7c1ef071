import { join } from "node:path";
import Database from "libsql";
import { createBarrier, sqliteDriver } from "protosaga/upstream";
import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { createCaller, told } from "./support/caller.js";
import { libsqlPlace } from "./support/place.js";

const scope = createScope();
const call = { key: "a/s", method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;

test("a file that another process writes to: the call is to be repeated, and is answered when it may", async () => {
  const file = join(scope.tempDir(), "upstream.db");
  const db = scope.use(new Database(file, { timeout: 20 }));
  const barrier = createBarrier(sqliteDriver(db));
  const other = scope.use(new Database(file));
  other.exec("BEGIN IMMEDIATE");
  await expect(barrier.call(call, () => Buffer.from("1"))).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE" });
  other.exec("COMMIT");
  expect(told(await barrier.call(call, () => Buffer.from("2")))).toBe("OK 2");
});

test("a call without a key has the file to itself from its beginning, so that what it read still holds when it writes", async () => {
  const file = join(scope.tempDir(), "upstream.db");
  const db = scope.use(new Database(file));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE stock (count INTEGER); INSERT INTO stock VALUES (1)");
  const barrier = createBarrier(sqliteDriver(db));
  const other = scope.use(new Database(file));
  const answer = await barrier.call({ ...call, key: undefined }, (tx) => {
    const { count } = tx.prepare("SELECT count FROM stock").get() as { count: number };
    expect(() => other.exec("UPDATE stock SET count = 0")).toThrow("locked");
    tx.exec("UPDATE stock SET count = count - 1");
    return Buffer.from(`had ${count}`);
  });
  expect(told(answer)).toBe("OK had 1");
});

test("a handler that returns a promise is refused, and leaves nothing", async () => {
  const place = await libsqlPlace(scope);
  const sneaking = place.barrier.call(call, async (tx) => {
    place.note(tx, { key: "a/s", kind: "do" });
    return Buffer.from("1");
  });
  await expect(sneaking).rejects.toThrow("must be synchronous");
  expect(await place.effects()).toEqual([]);
  expect(await place.keys()).toEqual([]);
  expect(told(await createCaller(place).act("a/s"))).toBe("OK run 1");
});

test("a handler that rolls the transaction back itself tells no success", async () => {
  const place = await libsqlPlace(scope);
  const ending = place.barrier.call(call, (tx) => {
    tx.exec("ROLLBACK");
    return Buffer.from("1");
  });
  await expect(ending).rejects.toThrow();
  expect(await place.keys()).toEqual([]);
  expect(told(await createCaller(place).act("a/s")), "the database can be used as before").toBe("OK run 1");
});

test("a row that a handler left unanswered is told as a bug, not as an answer", async () => {
  const place = await libsqlPlace(scope);
  const dying = place.barrier.call(call, (tx) => {
    tx.exec("COMMIT");
    throw new Error("bug");
  });
  await expect(dying).rejects.toThrow("bug");
  await expect(place.barrier.call(call, () => Buffer.from("1"))).rejects.toMatchObject({ code: "SAGA_INTERNAL" });
});
