// Breaks the sources deliberately, one break at a time, and checks that the simulator notices each: npm run mutate
// [-- --runs N] [--seed S] [--only part of a name] [--rare] [--workers N]. Prints the table of docs/reference/mutations.md. Exits
// with 1 if a break is not noticed.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Tally } from "../test/simulator/explore.js";
import { buildSimulator, repository } from "./build-simulator.js";
import { findMutationPoints, mutate } from "./mutation-points.js";
import { type Mutation, mutations } from "./mutations.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    rare: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);

const points = findMutationPoints(join(repository, "runtime"));

function pointOf({ point: name }: Mutation) {
  const point = points.get(name);
  if (point === undefined) throw new Error(`no comment "// mutation: ${name}" is in runtime/`);
  return point;
}

/** Explores until the first failure. A simulated world that never settles is a failure, too. */
async function explore(worker: string): Promise<Tally> {
  const child = fork(worker, { execArgv: [] });
  const died = new AbortController();
  child.once("exit", () => died.abort(new Error("the explorer died")));
  child.send({ firstSeed: Number(values.seed), runs: Number(values.runs), firstFailureOnly: true });
  try {
    const [tally]: Tally[] = await once(child, "message", { signal: died.signal });
    if (tally === undefined) throw new Error("the explorer answered with nothing");
    return tally;
  } finally {
    child.kill();
  }
}

async function tryMutation(mutation: Mutation): Promise<Tally> {
  const point = pointOf(mutation);
  const root = mkdtempSync(join(tmpdir(), "protosaga-mutation-"));
  try {
    for (const needed of ["runtime", "test/simulator", "package.json", "scripts/simulate-worker.ts"]) {
      cpSync(join(repository, needed), join(root, needed), { recursive: true });
    }
    const path = join(root, "runtime", point.file);
    writeFileSync(path, mutate(readFileSync(path, "utf8"), point, mutation.change));
    const build = buildSimulator(`mutation-${process.pid}-${point.name}`, root);
    try {
      return await explore(build.worker);
    } finally {
      build.remove();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const wanted = mutations.filter(({ point, breaks, rare = false }) => {
  return `${point} ${breaks}`.includes(values.only) && rare === values.rare;
});
// A missing point fails the run before its first hour, not after it.
wanted.forEach(pointOf);
const results = new Map<Mutation, Tally>();
const left = wanted.slice();
async function work(): Promise<void> {
  for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
    const tally = await tryMutation(mutation);
    results.set(mutation, tally);
    process.stderr.write(`${tally.failures.length === 0 ? "UNNOTICED" : tally.runs} ${mutation.breaks}\n`);
  }
}
await Promise.all(Array.from({ length: Number(values.workers) }, work));

print("| break | in | noticed by | after runs |\n| --- | --- | --- | --- |");
for (const mutation of wanted) {
  const { runs = 0, failures: [failure] = [] } = results.get(mutation) ?? {};
  const noticed = failure === undefined ? `**nothing** | > ${runs}` : `${failure.invariant} | ${runs}`;
  print(`| ${mutation.breaks} | \`${pointOf(mutation).file}\` | ${noticed} |`);
}
const noticed = wanted.filter((mutation) => (results.get(mutation)?.failures.length ?? 0) > 0);
print(`\n${noticed.length} of ${wanted.length} breaks noticed`);
process.exitCode = noticed.length < wanted.length ? 1 : 0;
