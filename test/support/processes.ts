import { execFileSync } from "node:child_process";

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
  readonly command: string;
}

/** The live processes that a process started from a file. A TypeScript loader may have started others. */
export function childrenOf(pid: number, file: string): number[] {
  return rows()
    .filter(({ parent, command }) => parent === pid && command.includes(file))
    .map((row) => row.pid);
}

/** The processes that a process started, those that these started, and so on. */
export function descendantsOf(pid: number): number[] {
  const all = rows();
  const below = (parent: number): number[] =>
    all.filter((row) => row.parent === parent).flatMap((row) => [row.pid, ...below(row.pid)]);
  return below(pid);
}

/** Those of the processes that live. One that ended and that nobody has asked about yet (a zombie) does not. */
export function living(pids: readonly number[]): number[] {
  return rows()
    .filter(({ pid }) => pids.includes(pid))
    .map(({ pid }) => pid);
}

function rows(): Row[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8" }).trim().split("\n");
  return lines
    .map((line) => line.trim().split(/\s+/))
    .map(([pid, parent, state = "", ...command]) => {
      return { pid: Number(pid), parent: Number(parent), state, command: command.join(" ") };
    })
    .filter(({ state }) => !state.startsWith("Z"));
}
