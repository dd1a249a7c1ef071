import { parseArgs } from "node:util";
import type { ConfigInput } from "protosaga";
import { names, positive, whole } from "../support/option.js";
import { type OverloadFacade, overloadFacades, type Scenario, scenarios } from "./scenario.js";

/** What the command line asks for. */
export interface BenchOptions {
  readonly json: boolean;
  /** How long the overload lasts. */
  readonly seconds: number;
  /** How long one measurement of the peak takes. */
  readonly peakSeconds: number;
  /** How many times the peak is offered. */
  readonly factor: number;
  readonly scenarios: readonly Scenario[];
  readonly facades: readonly OverloadFacade[];
  /** How many connections each of the two client processes has. */
  readonly connections: number;
  /** What differs from the server's default limits. */
  readonly limits: NonNullable<ConfigInput["limits"]>;
  readonly logLevel: "info" | "warn";
  readonly data: string;
  /** The folder that gets a CPU profile of each overloaded server. */
  readonly profile: string | undefined;
}

/** How the bench is used. */
export const usage =
  "bench:overload [--json] [--seconds N] [--peak-seconds N] [--factor 3] [--scenario slow,fast]\n" +
  "  [--facade throttled,async] [--queue-limit N] [--topic-concurrency N] [--connections 1] [--streams N]\n" +
  "  [--log-level warn|info] [--data DIR] [--profile DIR]";

/** Reads the command line; throws with what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "60" },
      "peak-seconds": { type: "string", default: "4" },
      factor: { type: "string", default: "3" },
      scenario: { type: "string", default: "slow,fast" },
      facade: { type: "string", default: "throttled,async" },
      "queue-limit": { type: "string" },
      "topic-concurrency": { type: "string" },
      connections: { type: "string", default: "1" },
      streams: { type: "string" },
      // At "info", the server logs each refusal.
      "log-level": { type: "string", default: "warn" },
      data: { type: "string", default: "data" },
      profile: { type: "string" },
    },
  });
  const asked = names(
    "scenario",
    values.scenario,
    scenarios.map(({ name }) => name),
  );
  const ifGiven = (name: "queue-limit" | "topic-concurrency" | "streams") => {
    const text = values[name];
    return text === undefined ? undefined : whole(name, text);
  };
  const limit = ifGiven("queue-limit");
  const concurrency = ifGiven("topic-concurrency");
  const streams = ifGiven("streams");
  return {
    json: values.json,
    data: values.data,
    profile: values.profile,
    seconds: positive("seconds", values.seconds),
    peakSeconds: positive("peak-seconds", values["peak-seconds"]),
    factor: positive("factor", values.factor),
    connections: whole("connections", values.connections),
    limits: streams === undefined ? {} : { streams },
    facades: names("facade", values.facade, overloadFacades),
    logLevel: names("log-level", values["log-level"], ["info", "warn"] as const)[0] ?? "warn",
    scenarios: scenarios
      .filter(({ name }) => asked.includes(name))
      .map((scenario) => ({
        ...scenario,
        topicConcurrency: concurrency ?? scenario.topicConcurrency,
        queueLimit: limit === undefined ? scenario.queueLimit : { async: limit, throttled: limit },
      })),
  };
}
