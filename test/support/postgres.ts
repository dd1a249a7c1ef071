import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.js";
import { until } from "./until.js";

/** A PostgreSQL server for one test. Anybody may connect as `postgres`. */
export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  /** The data folder. */
  readonly data: string;
  /** Ends it as `pg_ctl stop -m immediate` does: sessions are cut, and the next start recovers as after a crash. */
  stop(): Promise<void>;
  /** SIGKILL to the server and all its processes. */
  kill9(): Promise<void>;
  /** SIGSTOP to the server and all its processes, or SIGCONT: connections stay open and nothing answers. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void;
  start(): Promise<void>;
  /** Runs SQL of the test's. */
  sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

const binaries = findBinaries();

/** Why no server can be started here; undefined if one can. */
export const postgresMissing =
  binaries === undefined
    ? "no initdb and postgres under /usr/lib/postgresql or in PATH"
    : process.getuid?.() === 0 && serverUser() === undefined
      ? "this is root, and there is neither setpriv nor a user to run PostgreSQL as"
      : undefined;

let shared: Promise<string> | undefined;
let schemas = 0;

/** A database for tests that don't mind other tests in it: `PG_URL`, or one server for this process. */
export function postgresUrl(): Promise<string> {
  shared ??=
    process.env.PG_URL === undefined ? startPostgres().then(({ url }) => url) : Promise.resolve(process.env.PG_URL);
  return shared;
}

/** A name that no other test has for its schema. */
export function freshSchema(): string {
  return `test_${process.pid}_${Date.now().toString(36)}_${++schemas}`;
}

/** Removes a schema of {@link freshSchema} and all that is in it. */
export async function dropSchema(schema: string): Promise<void> {
  await runSql(await postgresUrl(), `SET client_min_messages = warning; DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
}

/** Runs one statement on its own connection. */
export async function runSql<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Ends the server $1 and removes the folder $2 once standard input closes, which it does however its parent ends. */
const watchdog = 'read _; kill -QUIT "$1"; while kill -0 "$1"; do sleep 0.1; done; rm -rf "$2"';

/** Sees to it that a test run that is cut short, or a worker that is killed, leaves no server behind. */
function guard(child: ChildProcess, root: string): void {
  const guardian = spawn("sh", ["-c", watchdog, "sh", String(child.pid), root], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guardian.unref();
  child.once("exit", () => guardian.kill("SIGKILL"));
}

/**
 * Starts a server on a free port, with fsync on.
 * @param settings lines for postgresql.conf
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const root = mkdtempSync(join(tmpdir(), "protosaga-pg-"));
  const data = join(root, "data");
  const user = process.getuid?.() === 0 ? serverUser() : undefined;
  if (user !== undefined) chownSync(root, user.uid, user.gid);
  const as = (program: string, args: readonly string[]): [string, string[]] => {
    const path = join(binaries ?? "", program);
    return user === undefined
      ? [path, [...args]]
      : ["setpriv", [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", path, ...args]];
  };
  execFileSync(
    ...as("initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]),
    {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const port = await freePort();
  const own = [
    "listen_addresses = '127.0.0.1'",
    `port = ${port}`,
    `unix_socket_directories = '${root}'`,
    "fsync = on",
    ...settings,
  ];
  appendFileSync(join(data, "postgresql.conf"), `\n${own.join("\n")}\n`);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let running: { readonly child: ChildProcess; readonly exited: Promise<void> } | undefined;

  async function launch(): Promise<boolean> {
    const child = spawn(...as("postgres", ["-D", data]), { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-20_000);
    });
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    guard(child, root);
    running = { child, exited };
    await until(() => child.exitCode !== null || log.includes("database system is ready to accept connections"), {
      what: "PostgreSQL to start",
    });
    return child.exitCode === null;
  }

  async function end(how: (child: ChildProcess) => void): Promise<void> {
    const entry = running;
    running = undefined;
    if (entry !== undefined) {
      how(entry.child);
      await entry.exited;
    }
  }

  const server: PostgresServer = {
    url,
    port,
    data,
    stop: () => end((child) => child.kill("SIGQUIT")),
    kill9: () => end((child) => killTree(child, "SIGKILL")),
    signal: (signal) => running && killTree(running.child, signal),
    async start() {
      // Processes of a killed server may hold its shared memory for a moment yet.
      await until(launch, { what: "PostgreSQL to start" });
    },
    sql: (text, values) => runSql(url, text, values),
    async close() {
      await server.kill9();
      rmSync(root, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

function killTree(child: ChildProcess, signal: NodeJS.Signals): void {
  const pid = child.pid ?? 0;
  const list = `/proc/${pid}/task/${pid}/children`;
  const children = existsSync(list) ? readFileSync(list, "utf8").trim().split(/\s+/).filter(Boolean) : [];
  for (const each of [pid, ...children.map(Number)]) {
    try {
      process.kill(each, signal);
    } catch {
      // It has ended by itself.
    }
  }
}

function findBinaries(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env.PATH ?? "").split(delimiter),
  ];
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  const has = (folder: string) => existsSync(join(folder, "setpriv"));
  if (!(process.env.PATH ?? "").split(delimiter).some(has)) return undefined;
  const lines = existsSync("/etc/passwd") ? readFileSync("/etc/passwd", "utf8").split("\n") : [];
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = lines.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}
