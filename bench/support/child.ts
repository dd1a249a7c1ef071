import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Ask, isBenchMessage } from "./message.js";

/** One of the bench's processes. */
export interface Child<Ready> {
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** Runs a command in it and gives the answer, whose type is the caller's to know. */
  ask<Answer>(command: string, argument?: unknown): Promise<Answer>;
}

const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Starts a file as a process of the bench, and waits until it is ready. It never outlives the bench. */
export function startChild<Ready>(file: URL, args: readonly string[] = []): Promise<Child<Ready>> {
  const path = fileURLToPath(file);
  // Stdout is the bench's alone, for its one JSON object: what a child prints goes to stderr.
  // As docs/how-to/run-a-server.md recommends, for all sides.
  const execArgv = [...process.execArgv, "--max-semi-space-size=64"];
  const child = fork(path, args, { execArgv, stdio: ["ignore", 2, 2, "ipc"] });
  children.add(child);
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 0;

  function ask<Answer>(command: string, argument?: unknown): Promise<Answer> {
    const id = nextId++;
    const message: Ask = { bench: "ask", id, command, argument };
    return new Promise<unknown>((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      child.send(message, (error) => {
        if (error) reject(error);
      });
    }) as Promise<Answer>;
  }

  return new Promise((resolve, reject) => {
    child.on("message", (message) => {
      if (!isBenchMessage(message)) return;
      if (message.bench === "ready") resolve({ ready: message.value as Ready, ask });
      if (message.bench !== "answer" && message.bench !== "failure") return;
      const waiter = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.bench === "answer") waiter?.resolve(message.value);
      else waiter?.reject(new Error(`${path}: ${message.message}`));
    });
    child.on("exit", (code, signal) => {
      children.delete(child);
      const error = new Error(`${path} ended before the bench did (${signal ?? `exit code ${code}`})`);
      reject(error);
      for (const waiter of waiting.values()) waiter.reject(error);
    });
  });
}
