// The server that is overloaded.
import type { ConfigInput } from "protosaga";
import { type FacadePlaces, runFacade } from "../support/facade.js";
import type { Scenario } from "./scenario.js";

/** Its first argument, as JSON. */
export interface OverloadSetup extends FacadePlaces {
  readonly scenario: Scenario;
  readonly limits: NonNullable<ConfigInput["limits"]>;
  readonly logLevel: "info" | "warn";
}

/** Resident memory since the last question, MiB. */
export interface Memory {
  readonly startMb: number;
  readonly maxMb: number;
  readonly endMb: number;
}

const setup = JSON.parse(process.argv[2] ?? "{}") as OverloadSetup;
const { limits, logLevel } = setup;
const { topicConcurrency, queueLimit } = setup.scenario;
const rssMb = () => process.memoryUsage.rss() / 1024 / 1024;
let startMb = rssMb();
let maxMb = startMb;
setInterval(() => {
  maxMb = Math.max(maxMb, rssMb());
}, 100);

await runFacade(setup, {
  config: { topic_concurrency: topicConcurrency, queue_limit: queueLimit, limits, log_level: logLevel },
  commands: {
    memory(): Memory {
      const endMb = rssMb();
      const memory = { startMb, maxMb: Math.max(maxMb, endMb), endMb };
      startMb = endMb;
      maxMb = endMb;
      return memory;
    },
  },
});
