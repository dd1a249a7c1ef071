import { parseArgs } from "node:util";
import { names, positive, whole, wholes } from "../support/option.js";
import { allSides, type Side } from "./side.js";

/** What the command line asks for. */
export interface BenchOptions {
  readonly json: boolean;
  readonly seconds: number;
  readonly rounds: number;
  readonly concurrencies: readonly number[];
  readonly sides: readonly Side[];
  readonly partitions: number;
  readonly accept: AcceptOptions | undefined;
  readonly data: string;
  /** The folder that gets a CPU profile of each side. */
  readonly profile: string | undefined;
}

/** How accepting is measured. */
export interface AcceptOptions {
  /** Calls a second, in open loop. */
  readonly rates: readonly number[];
  readonly seconds: number;
}

/** How the bench is used. */
export const usage =
  "bench:async [--json] [--seconds N] [--rounds N] [--concurrency 1,16,64,256] [--only sync,embedded,bare,kafka]\n" +
  "  [--partitions N] [--accept-rates 100,300] [--accept-seconds N] [--no-accept] [--data DIR] [--profile DIR]";

/** Reads the command line; throws with what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "3" },
      // Four, so that each of four sides goes first equally often.
      rounds: { type: "string", default: "4" },
      concurrency: { type: "string", default: "1,16,64,256" },
      only: { type: "string", default: allSides.join(",") },
      partitions: { type: "string", default: "3" },
      "accept-rates": { type: "string", default: "100,300" },
      "accept-seconds": { type: "string", default: "5" },
      "no-accept": { type: "boolean", default: false },
      data: { type: "string", default: "data" },
      profile: { type: "string" },
    },
  });
  return {
    json: values.json,
    data: values.data,
    profile: values.profile,
    seconds: positive("seconds", values.seconds),
    rounds: whole("rounds", values.rounds),
    concurrencies: wholes("concurrency", values.concurrency),
    sides: names("only", values.only, allSides),
    partitions: whole("partitions", values.partitions),
    accept: values["no-accept"]
      ? undefined
      : {
          rates: wholes("accept-rates", values["accept-rates"]),
          seconds: positive("accept-seconds", values["accept-seconds"]),
        },
  };
}
