import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl } from "../support/postgres.js";
import { createScope } from "../support/scope.js";

const scope = createScope();
const pages = ["docs/how-to/guard-an-upstream.md", "docs/reference/upstream-sql.md"];
const manual = pages.map((page) => readFileSync(join(repository, page), "utf8")).join("\n");
const blocks = (language: string) =>
  [...manual.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(([, block = ""]) => block);

/** The values of the manual's parameters. */
const values: Readonly<Record<string, string>> = {
  key: "'s/createOrder/compensate'",
  action_key: "'s/createOrder'",
  method: "'/pb.OrderService/CreateOrder'",
  hash: "'\\x00'",
  code: "0",
  message: "''",
  details: "NULL",
  response: "'\\x00'",
};

describePostgres("the manual's statements", () => {
  async function connect(): Promise<pg.Client> {
    const schema = freshSchema();
    const client = new pg.Client({ connectionString: await postgresUrl() });
    await client.connect();
    scope.defer(async () => {
      await client.end();
      await dropSchema(schema);
    });
    await client.query(`CREATE SCHEMA "${schema}"; SET search_path TO "${schema}"`);
    return client;
  }

  test("of the barrier run as they are in the manual", async () => {
    const client = await connect();
    const scripts = blocks("sql");
    expect(scripts, "the table, an action, a compensation").toHaveLength(3);
    for (const script of scripts) {
      // A parameter without a value stays as it is, and is no SQL.
      await client.query(script.replaceAll(/(?<!:):(\w+)/g, (all, name: string) => values[name] ?? all));
      await client.query("DELETE FROM saga_barriers");
    }
  });

  test("of the handlers can be prepared", async () => {
    const client = await connect();
    await client.query(`
      CREATE TABLE stock (id bigint PRIMARY KEY, pieces bigint NOT NULL);
      CREATE TABLE orders (id bigint PRIMARY KEY, cancelled boolean NOT NULL DEFAULT false)`);
    const statements = blocks("ts").flatMap((block) =>
      [...block.matchAll(/tx\.query\("(.*?)"/g)].map(([, sql = ""]) => sql),
    );
    expect(statements).toHaveLength(2);
    for (const [at, sql] of statements.entries()) {
      await client.query(`PREPARE of_the_manual_${at} AS ${sql}`);
    }
  });
});
