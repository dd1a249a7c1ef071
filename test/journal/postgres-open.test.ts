import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { isSagaError, type SagaError } from "../../runtime/core/errors.js";
import { openPostgresJournal, type PostgresOptions } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freePort } from "../support/free-port.js";
import { freshSchema, type PostgresServer, runSql, startPostgres } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { firstEntry } from "./entries.js";

const password = "geheim-9f3";
const openssl = (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "openssl")));
if (!openssl)
  process.stderr.write("\n*** SKIPPED: the journal over TLS: no openssl in PATH to make a certificate ***\n");

describePostgresServer("opening a journal on PostgreSQL", () => {
  const scope = createScope();
  let server: PostgresServer;
  let schema: string;
  beforeAll(async () => {
    server = await startPostgres();
    await server.sql(`CREATE ROLE guarded LOGIN PASSWORD '${password}'`);
    const file = join(server.data, "pg_hba.conf");
    writeFileSync(file, `host all guarded 127.0.0.1/32 scram-sha-256\n${readFileSync(file, "utf8")}`);
    await server.sql("SELECT pg_reload_conf()");
  });
  afterAll(() => server.close());
  beforeEach(() => {
    schema = freshSchema();
  });

  async function open(more: Partial<PostgresOptions> = {}) {
    return scope.use(await openPostgresJournal({ url: server.url, podId: "pod-0", schema, ...more }));
  }

  /** What opening is refused with; never with the password. */
  async function refusal(more: Partial<PostgresOptions>): Promise<SagaError> {
    const error: unknown = await open(more).then(
      () => new Error("the journal was opened"),
      (reason) => reason,
    );
    if (!isSagaError(error)) throw error;
    for (let each: unknown = error; each instanceof Error; each = each.cause) {
      expect(JSON.stringify(each, Object.getOwnPropertyNames(each))).not.toContain(password);
    }
    return error;
  }

  const guarded = (rest = "", secret = password) =>
    `postgres://guarded:${secret}@127.0.0.1:${server.port}/postgres${rest}`;
  const place = () => `127.0.0.1:${server.port}/postgres`;

  test.each<readonly [string, () => Partial<PostgresOptions>, RegExp]>([
    ["a wrong password", () => ({ url: guarded("", `x${password}`) }), /password authentication failed/],
    ["no password where one is needed", () => ({ url: guarded("", "") }), /password/],
    ["no such database", () => ({ url: guarded("x") }), /database "postgresx" does not exist/],
    ["a role without the right to make the schema", () => ({ url: guarded() }), /permission denied/],
    ["TLS with a server that has none", () => ({ url: guarded("?sslmode=verify-full") }), /SSL/],
    ["a certificate that is not there", () => ({ url: guarded("?sslrootcert=/none.pem") }), /none.pem/],
    ["a port that is none", () => ({ url: `postgres://u:${password}@h:port/d` }), /URL/],
    ["a URL of something else", () => ({ url: `mysql://u:${password}@h/d` }), /postgres:\/\//],
    ["a schema that can't be", () => ({ schema: 'a"; DROP' }), /schema/],
  ])("%s is an error of the configuration", async (_, options, text) => {
    const { code, message } = await refusal(options());
    expect(code, message).toBe("SAGA_CONFIG_INVALID");
    expect(message).toMatch(text);
  });

  test("names the host and the database", async () => {
    expect((await refusal({ url: guarded("", "wrong") })).message).toContain(place());
  });

  test("a server that is out of reach is said to be unavailable", async () => {
    const port = await freePort();
    const { code, message } = await refusal({ url: `postgres://u:${password}@127.0.0.1:${port}/d` });
    expect(code).toBe("SAGA_JOURNAL_UNAVAILABLE");
    expect(message).toContain(`127.0.0.1:${port}/d`);
    expect(message).toContain("ECONNREFUSED");
  });

  test("a database of another encoding is refused", async () => {
    await server.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
    const { code, message } = await refusal({ url: server.url.replace(/postgres$/, "latin") });
    expect(code).toBe("SAGA_CONFIG_INVALID");
    expect(message).toContain("LATIN1");
  });

  test("a server without fsync is reported", async () => {
    const errors: string[] = [];
    await server.sql("ALTER SYSTEM SET fsync = off");
    await server.sql("SELECT pg_reload_conf()");
    scope.defer(async () => {
      await server.sql("ALTER SYSTEM RESET fsync");
      await server.sql("SELECT pg_reload_conf()");
    });
    const settled = async () => (await server.sql("SHOW fsync"))[0];
    await expect.poll(settled).toEqual({ fsync: "off" });
    await open({ onError: ({ message }) => errors.push(message) });
    expect(errors).toEqual([expect.stringContaining("fsync")]);
  });

  test("a role that may only read and write opens a journal that was made for it", async () => {
    await (await open()).close();
    await server.sql(`GRANT USAGE ON SCHEMA ${schema} TO guarded`);
    await server.sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO guarded`);
    const journal = await open({ url: guarded() });
    expect(await journal.create(firstEntry("a", { messages: [{ topic: "t", key: "k", body: "b" }] }))).toHaveLength(1);
  });

  test.skipIf(!openssl)("TLS with the server's certificate checked", async () => {
    const folder = scope.tempDir();
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2"].concat([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
      ]),
      { stdio: "ignore" },
    );
    const { uid, gid } = statSync(server.data);
    for (const [from, to] of [
      [key, "server.key"],
      [certificate, "server.crt"],
    ] as const) {
      const path = join(server.data, to);
      writeFileSync(path, readFileSync(from));
      chownSync(path, uid, gid);
      chmodSync(path, 0o600);
    }
    await server.sql("ALTER SYSTEM SET ssl = on");
    await server.sql("SELECT pg_reload_conf()");
    const url = `${server.url}?sslmode=verify-full&sslrootcert=${certificate}`;
    await expect.poll(() => runSql(url, "SHOW ssl").catch(() => [])).toEqual([{ ssl: "on" }]);
    await open({ url });
    const sessions = await server.sql(
      "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'protosaga pod-0'",
    );
    expect(sessions.length).toBeGreaterThan(0);
    expect(sessions.every((row) => row.ssl === true)).toBe(true);
    const { code, message } = await refusal({ url: guarded("?sslmode=verify-full") });
    expect(code).toBe("SAGA_CONFIG_INVALID");
    expect(message).toContain("certificate");
  });
});
