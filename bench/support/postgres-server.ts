import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { postgresMissing, startPostgres } from "../../test/support/postgres.js";
import type { CpuMeter } from "./slice.js";

/** The database of a bench. */
export interface BenchPostgres {
  readonly url: string;
  /** Of the server and all its processes; undefined where it is not the bench's own. */
  readonly cpu: CpuMeter | undefined;
}

/**
 * `PG_URL`, or a server of the bench's own with fsync on, in the system's temporary folder; it ends with this process.
 * @returns a text that says why there is none
 */
export async function openPostgres(): Promise<BenchPostgres | string> {
  const { PG_URL: given } = process.env;
  if (given !== undefined) return { url: given, cpu: undefined };
  if (postgresMissing !== undefined) return postgresMissing;
  const server = await startPostgres();
  const pid = Number(readFileSync(join(server.data, "postmaster.pid"), "utf8").split("\n")[0]);
  return { url: server.url, cpu: treeCpu(pid) };
}

/** How many ms a tick of the system's accounting is (sysconf _SC_CLK_TCK, 100 on every Linux). */
const tickMs = 10;

function treeCpu(root: number): CpuMeter {
  // The figures of an ended process are part of its parent's.
  let before = totalOf(root);
  return async () => {
    const now = totalOf(root);
    const cpuMs = (now - before) * tickMs;
    before = now;
    return { cpuMs };
  };
}

function totalOf(root: number): number {
  let total = 0;
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    try {
      // The name of the program, in brackets, may hold spaces.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ")
        .map(Number);
      const own = (fields[11] ?? 0) + (fields[12] ?? 0);
      const ended = (fields[13] ?? 0) + (fields[14] ?? 0);
      if (Number(name) === root) total += own + ended;
      else if (fields[1] === root) total += own;
    } catch {
      // It ended meanwhile.
    }
  }
  return total;
}
