import { isBenchMessage, type Reply } from "./message.js";
import { createProfiler } from "./profile.js";

/** The commands of a process, by name. */
export type Commands = Readonly<Record<string, (argument: never) => unknown>>;

/** CPU time, user and system, that this process used, as the operating system counts it. */
export interface Cpu {
  readonly cpuMs: number;
}

/**
 * Answers the bench's commands from inside one of its processes, and ends the process with the bench.
 * Every process has the commands `cpu`, which returns the CPU time since the last question, and `profile` and
 * `profiled`, which begin a CPU profile and write it to a file.
 */
export function answerCommands(ready: unknown, commands: Commands = {}): void {
  const send = (reply: Reply) => {
    if (process.connected) process.send?.(reply);
  };
  const { start: profile, stop: profiled } = createProfiler();
  const all: Commands = { cpu: cpuMeter(), profile, profiled, ...commands };
  // A killed bench can't stop its processes, so each process watches the channel.
  process.on("disconnect", () => process.exit(0));
  process.on("message", async (message) => {
    if (!isBenchMessage(message) || message.bench !== "ask") return;
    const { id, command, argument } = message;
    try {
      const run = all[command];
      if (run === undefined) throw new Error(`no command ${command}`);
      send({ bench: "answer", id, value: await run(argument as never) });
    } catch (error) {
      send({ bench: "failure", id, message: error instanceof Error ? error.message : String(error) });
    }
  });
  send({ bench: "ready", value: ready });
}

function cpuMeter(): () => Cpu {
  let before = process.cpuUsage();
  return () => {
    const used = process.cpuUsage(before);
    before = process.cpuUsage();
    return { cpuMs: (used.user + used.system) / 1000 };
  };
}
