import { type ChildProcess, spawn } from "node:child_process";
import { repository, toRun } from "./compiled/program.js";

/** How a process is started. */
export interface ProcessOptions {
  readonly args?: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** The repository's root by default. */
  readonly cwd?: string;
  /** A file to write standard error to, instead of keeping it. */
  readonly stderr?: number;
  /** Of Node.js: "--max-old-space-size=100". */
  readonly nodeOptions?: readonly string[];
  /** Gets all that it writes, as it writes it. */
  readonly onOutput?: (text: string) => void;
  /** Through a TypeScript loader, as a user does, also in a test. */
  readonly fromSource?: boolean;
}

/** How a process ended: by its own code or by a signal. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process that a test started. It has an IPC channel, so that `--exit-with-parent` works. */
export interface RunningProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  /** All that it wrote so far. */
  stdout(): string;
  stderr(): string;
  /** The first line of stdout that holds the text; fails at once if the process ends without it. */
  line(text: string, timeoutMs?: number): Promise<string>;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Exit>;
  /** SIGKILL, and waits for the end. */
  kill9(): Promise<Exit>;
}

const running = new Set<ChildProcess>();
// A test run that is cut short must not leave processes behind.
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a TypeScript file of the repository, or a JavaScript file, as a process. In a test, prefer a scope's `start`,
 * which also ends it.
 */
export function startProcess(
  file: string,
  { args = [], env = {}, cwd = repository, onOutput = () => {}, fromSource = false, ...more }: ProcessOptions = {},
) {
  const child = spawn(process.execPath, [...(more.nodeOptions ?? []), ...toRun(file, fromSource), ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", more.stderr ?? "pipe", "ipc"],
  });
  running.add(child);
  let stdout = "";
  let stderr = "";
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of wakers) waker();
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    onOutput(text);
    wake();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    onOutput(text);
  });
  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", async (code, signal) => {
      running.delete(child);
      await drained(child);
      ended = true;
      resolve({ code, signal });
      wake();
    });
  });

  function line(text: string, timeoutMs = 20_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer);
        wakers.delete(look);
        act();
      };
      const fail = (why: string) =>
        finish(() => reject(new Error(`${file} ${why} "${text}"\nstdout:\n${stdout}\nstderr:\n${stderr}`)));
      const look = () => {
        const found = stdout
          .split("\n")
          .slice(0, -1)
          .find((candidate) => candidate.includes(text));
        if (found !== undefined) finish(() => resolve(found));
        else if (ended) fail("ended without printing");
      };
      const timer = setTimeout(() => fail(`did not print within ${timeoutMs} ms`), timeoutMs);
      wakers.add(look);
      look();
    });
  }

  function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Exit> {
    if (!ended) child.kill(signal);
    return exited;
  }

  return {
    pid: child.pid ?? -1,
    child,
    exited,
    stdout: () => stdout,
    stderr: () => stderr,
    line,
    stop,
    kill9: () => stop("SIGKILL"),
  } satisfies RunningProcess;
}

/**
 * Waits for the last output of a process that has ended; not for long, since its own children may hold the pipes open.
 * (The child's "close" event would also wait for them, and never comes after a disconnect by the parent.)
 */
function drained(child: ChildProcess): Promise<unknown> {
  const closed = [child.stdout, child.stderr].map(
    (stream) => stream === null || stream.closed || new Promise((resolve) => stream.once("close", resolve)),
  );
  return Promise.race([Promise.all(closed), new Promise((resolve) => setTimeout(resolve, 500).unref())]);
}
