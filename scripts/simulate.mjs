// Explores schedules: npm run simulate -- --runs 100000 [--seed S] [--seconds N] [--workers N] [--verbose]
// Runs one again with all that happens: npm run simulate -- --replay S [--whole]
import { fork } from "node:child_process";
import { randomInt } from "node:crypto";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildSimulator, removeBuild } from "./build-simulator.mjs";

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
const print = (text) => process.stdout.write(`${text}\n`);
// Each process has a build of its own: what another builds meanwhile is perhaps of other sources.
const build = `simulate-${process.pid}`;
const folder = buildSimulator(build);
process.on("exit", () => removeBuild(build));
const load = (name) => import(join(folder, `${name}.js`));

if (values.replay !== undefined) {
  await replay(Number(values.replay));
} else {
  await exploreAll();
}

async function replay(seed) {
  const { runSeed } = await load("run");
  const result = await runSeed(seed, { traced: true });
  const again = await runSeed(seed, { traced: true });
  const failed = result.violations.length > 0;
  if (!failed || values.whole) {
    print(result.trace.lines.join("\n"));
  }
  print(`seed ${seed}: ${result.events} events, trace ${result.trace.hash}, once more ${again.trace.hash}`);
  if (failed) {
    await tell(result);
    process.exitCode = 1;
  }
}

/** Shrinks a failure, and prints what is left. */
async function tell(result) {
  const { shrink } = await load("shrink");
  const shrunk = await shrink(result);
  print(`\nseed ${result.seed} violates "${result.violations[0].invariant}": ${result.violations[0].what}`);
  print(`shrunk with ${shrunk.runs} runs to ${shrunk.result.fired.length} faults; what is left:`);
  print(shrunk.result.trace.lines.join("\n"));
  print(`replay: npm run simulate -- --replay ${result.seed}\n`);
}

async function exploreAll() {
  const runs = Number(values.runs);
  const seed = values.seed === undefined ? randomInt(2 ** 32) : Number(values.seed);
  const workers = Math.max(1, Number(values.workers));
  const until = values.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(values.seconds) * 1_000;
  const { add } = await load("explore");
  print(`exploring ${runs} schedules from seed ${seed} on ${workers} workers`);
  const begin = performance.now();
  let tally = { runs: 0, events: 0, counts: {}, failures: [] };
  let handed = 0;
  let told = begin;
  const enough = () => handed >= runs || Date.now() >= until || tally.failures.length >= Number(values.failures);

  await Promise.all(
    Array.from({ length: workers }, async () => {
      const script = fileURLToPath(new URL("simulate-worker.mjs", import.meta.url));
      const worker = fork(script, [join(folder, "explore.js")], { execArgv: ["--max-semi-space-size=64"] });
      while (!enough()) {
        const portion = Math.min(250, runs - handed);
        const exploration = { firstSeed: seed + handed, runs: portion };
        handed += portion;
        worker.send(exploration);
        const portionTally = await new Promise((resolve, reject) => {
          worker.once("message", resolve);
          worker.once("exit", () => reject(new Error(`a worker died on seeds from ${exploration.firstSeed}`)));
        });
        // Only now: another worker may have told meanwhile.
        tally = add(tally, portionTally);
        for (const { seed: failed, invariant } of portionTally.failures) {
          print(`seed ${failed} violates "${invariant}"`);
        }
        worker.removeAllListeners("exit");
        if (performance.now() - told > 10_000) {
          told = performance.now();
          print(`${tally.runs} schedules, ${rate()} a second, ${tally.failures.length} failures`);
        }
      }
      worker.kill();
    }),
  );

  function rate() {
    return Math.round((tally.runs * 1_000) / (performance.now() - begin));
  }

  print("");
  for (const what of Object.keys(tally.counts).sort()) {
    print(`${String(tally.counts[what]).padStart(12)}  ${what}`);
  }
  print(
    `\n${tally.runs} schedules, ${tally.events} events, ${rate()} schedules a second, ${tally.failures.length} failures`,
  );
  // First what failed, then what it shrinks to: that takes a while.
  for (const { seed: failed, invariant, what } of tally.failures) {
    print(`seed ${failed} violates "${invariant}": ${what}`);
    print(`replay: npm run simulate -- --replay ${failed}`);
  }
  process.exitCode = tally.failures.length > 0 ? 1 : 0;
  const { runSeed } = await load("run");
  for (const { seed: failed } of tally.failures.slice(0, Number(values.failures))) {
    const result = await runSeed(failed);
    if (result.violations.length > 0) {
      await tell(result);
    }
  }
}
