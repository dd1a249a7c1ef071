import { join } from "node:path";
import { Client, credentials, type ServiceError } from "@grpc/grpc-js";
import Database from "libsql";
import { describe, expect, test } from "vitest";
import { callRaw } from "../grpc/support/raw-call.js";
import { describePostgres } from "../support/describe-postgres.js";
import { postgresUrl } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { type Answers, checkBooks } from "./support/deliveries.js";
import { type Effect, openPool } from "./support/place.js";
import { shopDefinition } from "./support/shop.js";

const scope = createScope();
const shop = shopDefinition();

/** Where the processes keep their data. */
interface Home {
  readonly args: readonly string[];
  effects(): Promise<readonly Effect[]>;
}

async function sqliteHome(): Promise<Home> {
  const file = join(scope.tempDir(), "shop.db");
  return {
    args: ["sqlite", file],
    async effects() {
      const db = new Database(file, { timeout: 5000 });
      try {
        const rows = db.prepare("SELECT key, kind FROM effects ORDER BY number").all() as Effect[];
        return rows.map(({ key, kind }) => ({ key, kind }));
      } finally {
        db.close();
      }
    },
  };
}

async function postgresHome(): Promise<Home> {
  const { pool, schema } = await openPool(scope, 1);
  await pool.query("CREATE TABLE effects (number bigserial, key text NOT NULL, kind text NOT NULL)");
  return {
    args: ["postgres", await postgresUrl(), schema],
    effects: async () => (await pool.query<Effect & Record<string, unknown>>("SELECT key, kind FROM effects")).rows,
  };
}

/** Runs the shop as a process. */
async function startShop({ args }: Home, ...more: string[]) {
  const shopProcess = scope.start("test/upstream/support/shop-process.ts", { args: [...args, ...more] });
  const port = (await shopProcess.line("shop ready on")).split(" ").at(-1);
  const client = scope.use(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  const call = (method: "Reserve" | "Release", key: string) =>
    callRaw(client, shop[method].path, shop[method].requestSerialize({ name: key }), { "idempotency-key": key }).then(
      (bytes) => `OK ${shop[method].responseDeserialize(bytes).name}`,
      (error: ServiceError) => `${error.code} ${error.details}`,
    );
  return { shopProcess, call };
}

function describeKills(openHome: () => Promise<Home>): void {
  test("SIGKILL before the commit: a repeat takes effect, a compensation finds nothing to compensate", async () => {
    const home = await openHome();
    const first = await startShop(home, "before-commit");
    const lost = await Promise.all([first.call("Reserve", "a/s"), first.call("Reserve", "b/s")]);
    expect(lost).toEqual([expect.stringMatching(/^14 /), expect.stringMatching(/^14 /)]);
    expect(await first.shopProcess.exited).toEqual({ code: null, signal: "SIGKILL" });
    const { shopProcess, call } = await startShop(home);
    const answer = `OK do a/s by ${shopProcess.pid}`;
    expect(await call("Reserve", "a/s")).toBe(answer);
    expect(await call("Reserve", "a/s")).toBe(answer);
    expect(await call("Release", "b/s/compensate")).toMatch(/^5 /);
    expect(await call("Reserve", "b/s")).toMatch(/^10 /);
    expect(await home.effects()).toEqual([{ key: "a/s", kind: "do" }]);
  });

  test("SIGKILL after the commit: a repeat gets the lost answer, and a compensation takes effect", async () => {
    const home = await openHome();
    const first = await startShop(home, "after-commit");
    expect(await first.call("Reserve", "a/s")).toMatch(/^14 /);
    expect(await first.shopProcess.exited).toEqual({ code: null, signal: "SIGKILL" });
    const { shopProcess, call } = await startShop(home);
    expect(await call("Reserve", "a/s")).toBe(`OK do a/s by ${first.shopProcess.pid}`);
    expect(await call("Release", "a/s/compensate")).toBe(`OK undo a/s/compensate by ${shopProcess.pid}`);
    expect((await home.effects()).map(({ kind }) => kind)).toEqual(["do", "undo"]);
  });

  test("SIGKILL under load: each action takes effect exactly once or is compensated, and answers don't change", async () => {
    const home = await openHome();
    const answers = new Map<string, Answers>();
    let next = 0;
    for (let life = 0; life < 2; life++) {
      const { shopProcess, call } = await startShop(home);
      let calls = 0;
      const callBoth = async (saga: number) => {
        const key = `${saga}/s`;
        const about = answers.get(key) ?? { act: [], undo: [] };
        answers.set(key, about);
        const [act, undo] = await Promise.all([
          call("Reserve", key),
          saga % 3 === 0 ? call("Release", `${key}/compensate`) : "14",
        ]);
        if (!act.startsWith("14")) about.act.push(act);
        if (!undo.startsWith("14")) about.undo.push(undo);
        calls++;
      };
      const load = async () => {
        while (shopProcess.child.signalCode === null) {
          await callBoth(next++);
          await callBoth(Math.floor(Math.random() * next));
        }
      };
      const loads = Array.from({ length: 6 }, load);
      const least = 20 + Math.floor(Math.random() * 60);
      await until(() => calls > least, { what: "some calls" });
      await shopProcess.kill9();
      await Promise.all(loads);
    }
    // Repeat the calls without an answer.
    const { call } = await startShop(home);
    for (const [key, about] of answers) {
      about.act.push(await call("Reserve", key));
      if (about.undo.length > 0) about.undo.push(await call("Release", `${key}/compensate`));
    }
    expect(answers.size).toBeGreaterThan(40);
    checkBooks(answers, await home.effects());
  });
}

describe("the barrier's process on SQLite, killed", () => describeKills(sqliteHome));

describePostgres("the barrier's process on PostgreSQL, killed", () => describeKills(postgresHome));
