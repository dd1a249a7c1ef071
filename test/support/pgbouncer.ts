import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.js";
import { until } from "./until.js";

const folders = ["/usr/sbin", "/usr/local/sbin", ...(process.env.PATH ?? "").split(delimiter)];
const binary = folders.map((folder) => join(folder, "pgbouncer")).find((path) => existsSync(path));
/** PgBouncer refuses to run as root. */
const users = process.getuid?.() === 0 ? ["postgres", "nobody"].filter(exists) : [];

/** Why PgBouncer can't be started here; undefined if it can. */
export const pgBouncerMissing =
  binary === undefined
    ? "no pgbouncer in PATH or /usr/sbin"
    : process.getuid?.() === 0 && users.length === 0
      ? "this is root, and there is no user to run PgBouncer as"
      : undefined;

/** A running PgBouncer. */
export interface PgBouncer {
  /** Of the same database as the target's, through PgBouncer. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Starts PgBouncer in front of a database.
 * @param target the database's URL
 * @param poolSize how many connections to the database it keeps
 */
export async function startPgBouncer(
  target: string,
  mode: "session" | "transaction",
  poolSize: number,
): Promise<PgBouncer> {
  const { hostname, port, username, password, pathname } = new URL(target);
  const database = pathname.slice(1);
  const folder = mkdtempSync(join(tmpdir(), "protosaga-pgbouncer-"));
  chmodSync(folder, 0o777);
  const listenPort = await freePort();
  const config = join(folder, "pgbouncer.ini");
  const secret = password === "" ? "" : ` password=${decodeURIComponent(password)}`;
  writeFileSync(
    config,
    [
      "[databases]",
      `${database} = host=${hostname} port=${port || 5432} dbname=${database} user=${username}${secret}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${listenPort}`,
      "unix_socket_dir =",
      "auth_type = any",
      `pool_mode = ${mode}`,
      `default_pool_size = ${poolSize}`,
      "max_client_conn = 200",
      `logfile = ${join(folder, "log")}`,
    ].join("\n"),
  );
  const args = users[0] === undefined ? [config] : ["-u", users[0], config];
  const child = spawn(binary ?? "pgbouncer", args, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-20_000);
  });
  process.once("exit", () => child.kill("SIGKILL"));
  await until(() => child.exitCode !== null || log.includes("process up"), { what: "PgBouncer to start" });
  if (child.exitCode !== null) throw new Error(`PgBouncer ended: ${log}`);
  return {
    url: `postgres://${username}@127.0.0.1:${listenPort}/${database}`,
    async close() {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function exists(user: string): boolean {
  return existsSync("/etc/passwd") && readFileSync("/etc/passwd", "utf8").includes(`\n${user}:`);
}
