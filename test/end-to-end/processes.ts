import { execFileSync } from "node:child_process";

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

/** The processes that a process started and that live. */
export function childrenOf(pid: number): number[] {
  return rows()
    .filter(({ parent }) => parent === pid)
    .map((row) => row.pid);
}

/** Those of the processes that live. One that ended and that nobody has asked about yet (a zombie) does not. */
export function living(pids: readonly number[]): number[] {
  return rows()
    .filter(({ pid }) => pids.includes(pid))
    .map(({ pid }) => pid);
}

function rows(): Row[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = ""]) => ({ pid: Number(pid), parent: Number(parent), state }))
    .filter(({ state }) => !state.startsWith("Z"));
}
