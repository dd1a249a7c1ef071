import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { judge } from "./check/judge.js";
import { askAllAgain, watchToEnd } from "./check/settle.js";
import { startCluster } from "./cluster/cluster.js";
import { createCounts } from "./counts.js";
import { allFaults } from "./faults/all-faults.js";
import { pause, startFaults } from "./faults/fault.js";
import { countEnds, neverHappened } from "./figures.js";
import { startLoad } from "./load/load.js";
import type { ChaosOptions } from "./options.js";
import { createProblems } from "./problems.js";
import { createRandom } from "./random.js";

/** The result of a run. */
export interface Outcome {
  readonly counts: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  /** Duration of the faults and of the whole run, ms. */
  readonly chaosMs: number;
  readonly wholeMs: number;
}

/** After the faults: how long clients wait for answers, and how long sagas may take to end, ms. */
const healMs = 150_000;

/** Starts a cluster in a folder, causes faults under load, ends them, and judges the results. */
export async function run(options: ChaosOptions, folder: string, note: (line: string) => void): Promise<Outcome> {
  const began = Date.now();
  const counts = createCounts();
  const problems = createProblems((line) => note(`PROBLEM ${line}`));
  const cluster = await startCluster(options, folder, { counts, problems });
  const over = new AbortController();
  const reach = { pods: cluster.pods, counts, over: over.signal };
  note(`all processes run after ${Date.now() - began} ms`);

  const chaosBegan = Date.now();
  const load = startLoad(options.seed, options.rate, reach);
  const faults = startFaults(
    allFaults(cluster, counts, options),
    (name) => createRandom(`${options.seed}/fault/${name}`),
    (name, error) => problems.add(name, `the fault could not be caused or ended: ${String(error)}`),
    (line) => appendFileSync(join(folder, "logs", "faults.log"), `${new Date().toISOString()} ${line}\n`),
  );
  const ticker = setInterval(() => {
    const satisfied = load.histories.filter((history) => history.satisfied).length;
    const seconds = Math.round((Date.now() - chaosBegan) / 1_000);
    note(`${seconds} s: ${load.histories.length} sagas, ${satisfied} answered, ${counts.sum("SIGKILL")} SIGKILLs`);
  }, 5_000);
  await pause(options.seconds * 1_000);
  const chaosMs = Date.now() - chaosBegan;
  cluster.heal();
  const timer = setTimeout(() => over.abort(), healMs);
  await faults.stop();
  await cluster.calm();
  await load.stop();
  clearInterval(ticker);
  note("faults are over and clients have stopped; waiting for the sagas to end");

  const sagas = await watchToEnd(load.histories, cluster.pods, healMs);
  await askAllAgain(load.histories, reach);
  clearTimeout(timer);
  for (const member of [...cluster.pods.map((pod) => pod.member), ...cluster.upstreams]) await member.leave();
  for (const { where, what } of judge({ histories: load.histories, sagas, ledgers: cluster.ledgers() })) {
    problems.add(where, what);
  }
  countEnds(counts, load.histories, sagas);
  for (const missing of neverHappened(counts, options)) problems.add("the run itself", missing);
  const keep = problems.list.length > 0 || options.keep;
  if (keep) {
    const evidence = { problems: problems.list, histories: load.histories, sagas: Object.fromEntries(sagas) };
    writeFileSync(join(folder, "evidence.json"), JSON.stringify(evidence, plain, 1));
  }
  await cluster.close(keep);
  return { counts: counts.all(), problems: problems.list, chaosMs, wholeMs: Date.now() - began };
}

function plain(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
