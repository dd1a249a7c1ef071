// Explores schedules: npm run simulate -- --runs 100000 [--seed S] [--seconds N] [--workers N] [--failures N]
// Runs one again and prints its trace: npm run simulate -- --replay S [--whole]
import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { add, type Exploration, type Tally } from "../test/simulator/explore.js";
import { type RunResult, runSeed } from "../test/simulator/run.js";
import { shrink } from "../test/simulator/shrink.js";
import { buildSimulator } from "./build-simulator.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100000" },
    seed: { type: "string" },
    seconds: { type: "string" },
    workers: { type: "string", default: String(availableParallelism()) },
    replay: { type: "string" },
    whole: { type: "boolean", default: false },
    failures: { type: "string", default: "5" },
  },
});
const print = (text: string) => process.stdout.write(`${text}\n`);

if (values.replay === undefined) {
  await exploreAll();
} else {
  await replay(Number(values.replay));
}

async function replay(seed: number): Promise<void> {
  const result = await runSeed(seed, { traced: true });
  const again = await runSeed(seed, { traced: true });
  const failed = result.violations.length > 0;
  if (!failed || values.whole) {
    print(result.trace.lines.join("\n"));
  }
  print(`seed ${seed}: ${result.events} events, trace ${result.trace.hash}, second run ${again.trace.hash}`);
  if (failed) {
    await printShrunk(result);
    process.exitCode = 1;
  }
}

async function printShrunk(result: RunResult): Promise<void> {
  const shrunk = await shrink(result);
  const [violation] = result.violations;
  print(`\nseed ${result.seed} violates "${violation?.invariant}": ${violation?.what}`);
  print(`shrunk with ${shrunk.runs} runs to ${shrunk.result.fired.length} faults:`);
  print(shrunk.result.trace.lines.join("\n"));
  print(`replay: npm run simulate -- --replay ${result.seed}\n`);
}

async function exploreAll(): Promise<void> {
  const runs = Number(values.runs);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  const workers = Math.max(1, Number(values.workers));
  const most = Number(values.failures);
  const until = values.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(values.seconds) * 1_000;
  // Each process compiles for itself: another one may have compiled other sources.
  const build = buildSimulator(`simulate-${process.pid}`);
  process.on("exit", build.remove);
  print(`exploring ${runs} schedules from seed ${seed} on ${workers} workers`);
  const begin = performance.now();
  let tally: Tally = { runs: 0, events: 0, counts: {}, failures: [] };
  let assigned = 0;
  let reported = begin;
  const rate = () => Math.round((tally.runs * 1_000) / (performance.now() - begin));

  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = fork(build.worker, { execArgv: ["--max-semi-space-size=64"] });
      const died = new AbortController();
      let exploration: Exploration | undefined;
      worker.once("exit", () => died.abort(new Error(`a worker died on seeds from ${exploration?.firstSeed}`)));
      while (assigned < runs && Date.now() < until && tally.failures.length < most) {
        exploration = { firstSeed: seed + assigned, runs: Math.min(250, runs - assigned) };
        assigned += exploration.runs;
        worker.send(exploration);
        const [explored]: Tally[] = await once(worker, "message", { signal: died.signal });
        if (explored === undefined) throw new Error("a worker answered with nothing");
        // Read `tally` only here: another worker may have changed it during the wait.
        tally = add(tally, explored);
        for (const { seed: failed, invariant } of explored.failures) {
          print(`seed ${failed} violates "${invariant}"`);
        }
        if (performance.now() - reported > 10_000) {
          reported = performance.now();
          print(`${tally.runs} schedules, ${rate()} a second, ${tally.failures.length} failures`);
        }
      }
      worker.kill();
    }),
  );

  print("");
  for (const [what, times] of Object.entries(tally.counts).sort(([one], [other]) => (one < other ? -1 : 1))) {
    print(`${String(times).padStart(12)}  ${what}`);
  }
  print(
    `\n${tally.runs} schedules, ${tally.events} events, ${rate()} schedules a second, ${tally.failures.length} failures`,
  );
  // All failures first: shrinking them takes a while.
  for (const { seed: failed, invariant, what } of tally.failures) {
    print(`seed ${failed} violates "${invariant}": ${what}`);
    print(`replay: npm run simulate -- --replay ${failed}`);
  }
  process.exitCode = tally.failures.length > 0 ? 1 : 0;
  for (const { seed: failed } of tally.failures.slice(0, most)) {
    const result = await runSeed(failed);
    if (result.violations.length > 0) {
      await printShrunk(result);
    }
  }
}
