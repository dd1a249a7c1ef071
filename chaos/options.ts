import { parseArgs } from "node:util";

/** The command line's options. */
export interface ChaosOptions {
  /** How long faults happen. */
  readonly seconds: number;
  readonly seed: string;
  readonly journal: "sqlite" | "postgres";
  readonly broker: "embedded" | "kafka";
  readonly pods: number;
  /** Sagas started per second. */
  readonly rate: number;
  readonly json: boolean;
  /** Whether to keep the run's folder if no problem was found. */
  readonly keep: boolean;
}

/** The usage line. */
export const usage =
  "chaos [--seconds 60] [--seed TEXT] [--embedded] [--journal sqlite|postgres] [--broker embedded|kafka]\n" +
  "  [--pods N] [--rate SAGAS_PER_SECOND] [--json] [--keep]";

/** The default of `--seconds`. In a run of this length or more every kind of fault must happen. */
export const defaultSeconds = 60;

/** Reads the command line. @throws Error that names the wrong option */
export function readOptions(args: readonly string[]): ChaosOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: String(defaultSeconds) },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      embedded: { type: "boolean", default: false },
      journal: { type: "string" },
      broker: { type: "string" },
      pods: { type: "string" },
      rate: { type: "string" },
      json: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const journal = oneOf("journal", values.journal ?? (values.embedded ? "sqlite" : "postgres"), ["sqlite", "postgres"]);
  const broker = oneOf("broker", values.broker ?? (values.embedded ? "embedded" : "kafka"), ["embedded", "kafka"]);
  const pods = positive("pods", values.pods ?? (journal === "sqlite" ? "1" : "3"));
  if (journal === "sqlite" && pods !== 1) {
    throw new Error(`--pods ${pods}: an SQLite journal has one server; several share --journal postgres`);
  }
  return {
    seconds: positive("seconds", values.seconds),
    seed: values.seed,
    journal,
    broker,
    pods: Math.round(pods),
    rate: positive("rate", values.rate ?? (broker === "kafka" ? "25" : "60")),
    json: values.json,
    keep: values.keep,
  };
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new Error(`--${name} ${text}: not a positive number`);
  return number;
}

function oneOf<Name extends string>(option: string, text: string, known: readonly Name[]): Name {
  const found = known.find((name) => name === text);
  if (found === undefined) throw new Error(`--${option} ${text}: unknown value; use one of ${known.join(", ")}`);
  return found;
}
