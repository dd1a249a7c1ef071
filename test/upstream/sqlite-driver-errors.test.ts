import { join } from "node:path";
import Database from "libsql";
import { createBarrier, sqliteDriver } from "protosaga/upstream";
import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { createCaller, summary } from "./support/caller.js";
import { libsqlPlace } from "./support/place.js";

const scope = createScope();
const call = { key: "a/s", method: "/s/m", request: Buffer.alloc(0), direction: "action" } as const;

test("a file that another process writes to: the call fails with UNAVAILABLE, and succeeds later", async () => {
  const file = join(scope.tempDir(), "upstream.db");
  const db = scope.use(new Database(file, { timeout: 20 }));
  const barrier = createBarrier(sqliteDriver(db));
  const other = scope.use(new Database(file));
  other.exec("BEGIN IMMEDIATE");
  await expect(barrier.call(call, () => Buffer.from("1"))).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE" });
  other.exec("COMMIT");
  expect(summary(await barrier.call(call, () => Buffer.from("2")))).toBe("OK 2");
});

test("a call without a key locks the file from its beginning, so that what it reads is still true when it writes", async () => {
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
  expect(summary(answer)).toBe("OK had 1");
});

test("a handler that returns a promise is rejected, and nothing is stored", async () => {
  const place = await libsqlPlace(scope);
  const sneaking = place.barrier.call(call, async (tx) => {
    place.note(tx, { key: "a/s", kind: "do" });
    return Buffer.from("1");
  });
  await expect(sneaking).rejects.toThrow("must be synchronous");
  expect(await place.effects()).toEqual([]);
  expect(await place.keys()).toEqual([]);
  expect(summary(await createCaller(place).act("a/s"))).toBe("OK run 1");
});

test("a call whose handler rolls the transaction back fails", async () => {
  const place = await libsqlPlace(scope);
  const ending = place.barrier.call(call, (tx) => {
    tx.exec("ROLLBACK");
    return Buffer.from("1");
  });
  await expect(ending).rejects.toThrow();
  expect(await place.keys()).toEqual([]);
  expect(summary(await createCaller(place).act("a/s")), "the database can be used as before").toBe("OK run 1");
});

test("a row that a handler committed without an answer is reported as SAGA_INTERNAL", async () => {
  const place = await libsqlPlace(scope);
  const dying = place.barrier.call(call, (tx) => {
    tx.exec("COMMIT");
    throw new Error("bug");
  });
  await expect(dying).rejects.toThrow("bug");
  await expect(place.barrier.call(call, () => Buffer.from("1"))).rejects.toMatchObject({ code: "SAGA_INTERNAL" });
});
