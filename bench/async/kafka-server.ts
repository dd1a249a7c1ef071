import { readdirSync, readFileSync } from "node:fs";
import { kafkaVersions, missingTool } from "../../test/support/kafka/jars.js";
import { createKafkaServer } from "../../test/support/kafka/server.js";
import type { CpuMeter } from "../support/slice.js";

/** A Kafka to measure with. */
export interface BenchKafka {
  readonly brokers: readonly string[];
  /** Undefined if the process is not ours, or the system does not report it. */
  readonly cpu: CpuMeter | undefined;
  stop(): Promise<void>;
}

/** Linux counts in ticks of a hundredth of a second, for programs, on every machine. */
const tickMs = 10;

/** KAFKA_BROKERS, or a broker for the bench. If neither is possible: a text that says what is missing. */
export async function openKafka(directory: string): Promise<BenchKafka | string> {
  const given = process.env.KAFKA_BROKERS;
  if (given !== undefined) return { brokers: given.split(","), cpu: undefined, stop: async () => {} };
  const missing = missingTool();
  if (missing !== undefined) return `${missing} is not installed, and KAFKA_BROKERS is not set`;
  const server = await createKafkaServer({ version: kafkaVersions[0], directory });
  await server.start();
  return { brokers: [server.address], cpu: meterOf(directory), stop: () => server.kill9() };
}

/** @param directory is in the command line of this process only */
function meterOf(directory: string): CpuMeter | undefined {
  try {
    const pid = readdirSync("/proc").find((name) => {
      return /^\d+$/.test(name) && commandOf(name).startsWith("java") && commandOf(name).includes(directory);
    });
    if (pid === undefined) return undefined;
    let before = cpuMsOf(pid);
    return async () => {
      const now = cpuMsOf(pid);
      const used = now - before;
      before = now;
      return { cpuMs: used };
    };
  } catch {
    return undefined; // No /proc.
  }
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // It has ended by now.
  }
}

function cpuMsOf(pid: string): number {
  // The command's name, in parentheses, may hold spaces. User and system time are the 14th and 15th field.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}
