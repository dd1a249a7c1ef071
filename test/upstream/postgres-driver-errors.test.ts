import type pg from "pg";
import { createBarrier, type PostgresDriverOptions, postgresDriver } from "protosaga/upstream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describePostgres, describePostgresServer } from "../support/describe-postgres.js";
import { type PostgresServer, startPostgres } from "../support/postgres.js";
import { type Harm, startProxy } from "../support/proxy.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createCaller, summary } from "./support/caller.js";
import { openPool, postgresPlace } from "./support/place.js";

const scope = createScope();

function createGate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { open, passed };
}

describePostgres("on PostgreSQL, an action that still runs", () => {
  async function held(options?: PostgresDriverOptions, fails = false) {
    const place = await postgresPlace(options)(scope);
    const caller = createCaller(place);
    const { open, passed } = createGate();
    const action = caller.act("a/s", {
      after: () =>
        passed.then(() => {
          if (fails) throw new Error("bug");
        }),
    });
    const outcome = action.then(summary, (error: Error) => error.message);
    await until(() => caller.runs() === 1);
    return { place, ...caller, open, outcome };
  }

  test("makes its repeat wait for its answer", async () => {
    const { place, act, open, outcome, runs } = await held();
    const repeat = act("a/s");
    open();
    expect(summary(await repeat)).toBe(await outcome);
    expect(runs()).toBe(1);
    expect(await place.effects()).toHaveLength(1);
  });

  test("makes its compensation wait, then is compensated", async () => {
    const { place, undo, open, outcome } = await held();
    const compensation = undo("a/s");
    open();
    expect(await outcome).toBe("OK run 1");
    expect(summary(await compensation)).toBe("OK run 2");
    expect((await place.effects()).map(({ kind }) => kind)).toEqual(["do", "undo"]);
  });

  test("that then fails is blocked by the compensation that waited", async () => {
    const { place, act, undo, open, outcome } = await held({}, true);
    const compensation = undo("a/s");
    open();
    expect(await outcome).toBe("bug");
    expect(await compensation).toMatchObject({ ok: false, code: 5 });
    expect(await act("a/s")).toMatchObject({ ok: false, code: 10 });
    expect(await place.effects()).toEqual([]);
  });

  test("longer than waitMs: other calls fail with UNAVAILABLE, and succeed when they are repeated", async () => {
    const { act, undo, open, outcome } = await held({ waitMs: 50 });
    const later = { code: "SAGA_BARRIER_UNAVAILABLE", status: 14, retriable: true };
    await expect(undo("a/s")).rejects.toMatchObject(later);
    await expect(act("a/s")).rejects.toMatchObject(later);
    open();
    await outcome;
    expect(summary(await act("a/s"))).toBe("OK run 1");
    expect(summary(await undo("a/s"))).toBe("OK run 2");
  });
});

describePostgres("on PostgreSQL, an error in a handler", () => {
  async function counters(options?: PostgresDriverOptions) {
    const place = await postgresPlace(options)(scope);
    const { pool, schema } = await openPool(scope, 1);
    await pool.query("CREATE TABLE counter (name text PRIMARY KEY, value int NOT NULL)");
    await pool.query("INSERT INTO counter VALUES ('x', 0), ('y', 0)");
    const add = (tx: pg.PoolClient, name: string) =>
      tx.query(`UPDATE ${schema}.counter SET value = value + 1 WHERE name = $1`, [name]);
    const values = async () =>
      (await pool.query<{ value: number }>("SELECT value FROM counter ORDER BY name")).rows.map(({ value }) => value);
    const call = (key: string | undefined, effect: (tx: pg.PoolClient) => Promise<unknown>) =>
      place.barrier.call({ key, method: "/s/m", request: Buffer.alloc(0), direction: "action" }, async (tx) => {
        await effect(tx);
        return Buffer.from("done");
      });
    return { place, add, values, call, schema };
  }

  test("a deadlock: both calls take effect, once each", async () => {
    const { add, values, call } = await counters();
    let runs = 0;
    const both = createGate();
    const crossing = (first: string, second: string) => async (tx: pg.PoolClient) => {
      await add(tx, first);
      if (++runs === 2) both.open();
      await both.passed;
      await add(tx, second);
    };
    const answers = await Promise.all([call("a/s", crossing("x", "y")), call("b/s", crossing("y", "x"))]);
    expect(answers.map(summary)).toEqual(["OK done", "OK done"]);
    // One was run again. It may have conflicted once more before the other one continued.
    expect(runs).toBeGreaterThan(2);
    expect(await values()).toEqual([2, 2]);
  });

  test("a serialization failure: both calls take effect, once each", async () => {
    const { add, values, call, schema } = await counters({ isolation: "SERIALIZABLE" });
    let runs = 0;
    const both = createGate();
    const reading = async (tx: pg.PoolClient) => {
      await tx.query(`SELECT sum(value) FROM ${schema}.counter`);
      if (++runs === 2) both.open();
      await both.passed;
      await add(tx, "x");
    };
    await Promise.all([call("a/s", reading), call("b/s", reading)]);
    expect(runs).toBeGreaterThan(2);
    expect(await values()).toEqual([2, 0]);
  });

  test("a failed statement that the handler ignores: nothing is stored, and the call fails", async () => {
    const { place, add, values, call } = await counters();
    const swallowing = async (tx: pg.PoolClient) => {
      await add(tx, "x");
      await tx.query("SELECT 1/0").catch(() => {});
    };
    await expect(call("a/s", swallowing)).rejects.toThrow("current transaction is aborted");
    await expect(call(undefined, swallowing)).rejects.toThrow("PostgreSQL rolled the transaction back");
    expect(await values()).toEqual([0, 0]);
    expect(await place.keys()).toEqual([]);
  });

  test("a transaction that the handler rolls back: the call fails", async () => {
    const { place, call } = await counters();
    await expect(call("a/s", (tx) => tx.query("ROLLBACK"))).rejects.toThrow("the handler rolled the transaction back");
    expect(await place.keys()).toEqual([]);
  });

  test("a terminated session: the call fails with UNAVAILABLE, and the process continues", async () => {
    const { place, values, call, add } = await counters();
    const dying = async (tx: pg.PoolClient) => {
      await add(tx, "x");
      await tx.query("SELECT pg_terminate_backend(pg_backend_pid())");
    };
    await expect(call("a/s", dying)).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE" });
    expect(await values()).toEqual([0, 0]);
    expect(summary(await call("a/s", (tx) => add(tx, "x")))).toBe("OK done");
    expect(await values()).toEqual([1, 0]);
    expect(await place.keys()).toEqual(["a/s"]);
  });
});

describePostgres("the table on PostgreSQL", () => {
  test("is made by several servers that start at once", async () => {
    const { pool } = await openPool(scope, 8);
    await Promise.all(Array.from({ length: 8 }, () => postgresDriver(pool).createTable()));
    expect((await pool.query("SELECT count(*)::int AS n FROM saga_barriers")).rows).toEqual([{ n: 0 }]);
  });

  test.each([{ table: "x; DROP TABLE y" }, { waitMs: 0 }, { waitMs: 1.5 }])("with %o is refused", async (options) => {
    const { pool } = await openPool(scope, 1);
    expect(() => postgresDriver(pool, options)).toThrow("SAGA_CONFIG_INVALID");
  });
});

describePostgresServer("on PostgreSQL, a COMMIT with an unknown outcome", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  async function open(config: pg.PoolConfig = {}) {
    const proxy = scope.use(await startProxy(server.port));
    const { pool } = await openPool(scope, 3, server.url.replace(String(server.port), String(proxy.port)), config);
    await pool.query("CREATE TABLE effects (number bigserial, key text NOT NULL, kind text NOT NULL)");
    const driver = postgresDriver(pool);
    await driver.createTable();
    const place = {
      barrier: createBarrier(driver),
      note: (tx: pg.PoolClient, { key, kind }: { key: string; kind: string }) =>
        tx.query("INSERT INTO effects (key, kind) VALUES ($1, $2)", [key, kind]),
    };
    const effects = async () => (await pool.query("SELECT key, kind FROM effects ORDER BY number")).rows;
    return { proxy, ...createCaller(place), effects };
  }

  /** Not the "READ COMMITTED" of the beginning. */
  const commit = "COMMIT\0";

  const fates: [Harm, string][] = [
    ["lose-request", "OK run 2"],
    ["lose-answer", "OK run 1"],
    ["delay-request", "OK run 1"],
  ];

  test.each(fates)("%s: is answered UNAVAILABLE, and a repeat gets the one answer: %s", async (how, answer) => {
    const { proxy, act, runs, effects } = await open();
    const harmed = proxy.harm(commit, how);
    await expect(act("a/s")).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE", status: 14 });
    await harmed;
    expect(runs()).toBe(1);
    // If the COMMIT is still in flight, the repeat waits for it.
    const repeat = act("a/s");
    await proxy.release();
    expect(summary(await repeat)).toBe(answer);
    expect(await effects()).toEqual([{ key: "a/s", kind: "do" }]);
  });

  test.each(fates)("%s: of a compensation, too", async (how) => {
    const { proxy, act, undo, effects } = await open();
    await act("a/s");
    const harmed = proxy.harm(commit, how);
    await expect(undo("a/s")).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE" });
    await harmed;
    const repeat = undo("a/s");
    await proxy.release();
    expect(await repeat).toMatchObject({ ok: true });
    expect(await effects()).toHaveLength(2);
  });

  test("an unreachable server: the call fails with UNAVAILABLE, and succeeds when the server is back", async () => {
    const { proxy, act, effects } = await open();
    proxy.cut();
    await expect(act("a/s")).rejects.toMatchObject({ code: "SAGA_BARRIER_UNAVAILABLE" });
    proxy.restore();
    expect(summary(await act("a/s"))).toBe("OK run 1");
    expect(await effects()).toHaveLength(1);
  });

  test("a connection that hangs: the call fails with UNAVAILABLE, and the connection is not reused", async () => {
    const { proxy, act, effects } = await open({ query_timeout: 300 });
    await expect(act("a/s", { after: () => proxy.freeze() })).rejects.toMatchObject({
      code: "SAGA_BARRIER_UNAVAILABLE",
    });
    expect(summary(await act("b/s"))).toBe("OK run 2");
    expect(await effects()).toEqual([{ key: "b/s", kind: "do" }]);
  });
});
