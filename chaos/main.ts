// npm run chaos kills real processes under load and checks the results. See docs/how-to/run-chaos.md.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingTool } from "../test/support/kafka/jars.js";
import { postgresMissing } from "../test/support/postgres.js";
import { type ChaosOptions, readOptions, usage } from "./options.js";
import { type Outcome, run } from "./run.js";
import { table } from "./table.js";

const note = (line: string) => {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
};

// A signal ends this process, and test/support then ends its children.
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.on(signal, () => process.exit(code));
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    note(`chaos: ${error instanceof Error ? error.stack : String(error)}\nusage: ${usage}`);
    process.exit(1);
  },
);

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  const missing = whatIsMissing(options);
  if (missing !== undefined) throw new Error(`${missing}; --embedded needs neither Kafka nor PostgreSQL`);
  const folder = mkdtempSync(join(tmpdir(), "protosaga-chaos-"));
  let failed = options.keep;
  process.on("exit", () => {
    if (!failed) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  note(
    `chaos: seed ${options.seed}, ${options.journal} journal, ${options.broker} broker, pods: ${options.pods}; repeat with --seed ${options.seed} (the same faults and requests, not the same timing)`,
  );
  const outcome = await run(options, folder, note);
  failed ||= outcome.problems.length > 0;
  print(options, outcome);
  if (failed) note(`logs, journals, ledgers and evidence.json: ${folder}`);
  return outcome.problems.length > 0 ? 1 : 0;
}

function whatIsMissing({ journal, broker }: ChaosOptions): string | undefined {
  const tool = broker === "kafka" ? missingTool() : undefined;
  if (tool !== undefined) return `${tool} is not installed; Kafka needs it`;
  return journal === "postgres" ? postgresMissing : undefined;
}

function print({ json, ...options }: ChaosOptions, outcome: Outcome): void {
  process.stdout.write(json ? `${JSON.stringify({ options, ...outcome })}\n` : table(options.seed, outcome));
}
