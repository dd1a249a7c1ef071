import { parseArgs } from "node:util";
import { positive, whole, wholes } from "../support/option.js";
import { allSides, type Side, sides } from "./side.js";

/** What the command line asks for. */
export interface BenchOptions {
  readonly json: boolean;
  readonly seconds: number;
  readonly rounds: number;
  readonly concurrencies: readonly number[];
  readonly sides: readonly Side[];
  readonly data: string;
}

/** How the bench is used. */
export const usage = `bench:sync [--json] [--seconds N] [--rounds N] [--concurrency 1,16,64,256] [--only a,b,c,d] [--data DIR]`;

/** Reads the command line; throws with what is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      seconds: { type: "string", default: "3" },
      // Six, so that each of three sides goes first equally often.
      rounds: { type: "string", default: "6" },
      concurrency: { type: "string", default: "1,16,64,256" },
      only: { type: "string", default: "a,b,c" },
      data: { type: "string", default: "data" },
    },
  });
  return {
    json: values.json,
    data: values.data,
    seconds: positive("seconds", values.seconds),
    rounds: whole("rounds", values.rounds),
    concurrencies: wholes("concurrency", values.concurrency),
    sides: allSides.filter((side) => letters(values.only).includes(sides[side].letter)),
  };
}

function letters(text: string): readonly string[] {
  const known = allSides.map((side): string => sides[side].letter);
  const asked = text.split(",");
  const unknown = asked.find((letter) => !known.includes(letter));
  if (unknown !== undefined) throw new Error(`--only ${text}: no side ${unknown}; there are ${known.join(", ")}`);
  return asked;
}
