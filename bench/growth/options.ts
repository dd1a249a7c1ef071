import { parseArgs } from "node:util";
import { names, positive, whole } from "../support/option.js";

/** The journals. */
export const backends = ["sqlite", "postgres"] as const;

/** One of the journals. */
export type Backend = (typeof backends)[number];

/** What the command line asks for. */
export interface BenchOptions {
  readonly json: boolean;
  readonly seconds: number;
  readonly rounds: number;
  readonly concurrency: number;
  readonly finished: number;
  readonly open: number;
  /** How many times each kind of question by id is asked. */
  readonly lookups: number;
  readonly backends: readonly Backend[];
  readonly data: string;
}

/** How the bench is used. */
export const usage =
  "bench:growth [--json] [--only sqlite,postgres] [--finished N] [--open N] [--seconds N] [--rounds N]\n" +
  "  [--concurrency 64] [--lookups N] [--data DIR]";

/** Reads the command line; throws with what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "3" },
      // Six, so that each of three sides goes first equally often.
      rounds: { type: "string", default: "6" },
      concurrency: { type: "string", default: "64" },
      finished: { type: "string", default: "1000000" },
      open: { type: "string", default: "10000" },
      lookups: { type: "string", default: "2000" },
      only: { type: "string", default: backends.join() },
      data: { type: "string", default: "data" },
    },
  });
  return {
    json: values.json,
    data: values.data,
    seconds: positive("seconds", values.seconds),
    rounds: whole("rounds", values.rounds),
    concurrency: whole("concurrency", values.concurrency),
    finished: whole("finished", values.finished),
    open: whole("open", values.open),
    lookups: whole("lookups", values.lookups),
    backends: names("only", values.only, backends),
  };
}
