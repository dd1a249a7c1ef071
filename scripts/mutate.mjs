// Breaks the sources on purpose, one way at a time, and sees that the simulator notices: npm run mutate [-- --runs N]
// [--only part of a name]. Prints the table of docs/simulator.md; exits with 1 where a break goes unnoticed.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { buildSimulator, removeBuild } from "./build-simulator.mjs";
import { mutations, rare } from "./mutations.mjs";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    rare: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    workers: { type: "string", default: String(availableParallelism()) },
  },
});
const print = (text) => process.stdout.write(`${text}\n`);
const repository = fileURLToPath(new URL("..", import.meta.url));
const run = promisify(execFile);

/** Explores until the first failure; a world that comes to no end is one, too. */
async function tryOut(modules) {
  const code = `Error.stackTraceLimit = 0;
    const { explore } = await import(${JSON.stringify(join(modules, "explore.js"))});
    const options = { firstSeed: ${Number(values.seed)}, runs: ${Number(values.runs)}, enough: (failures) => failures > 0 };
    process.stdout.write(JSON.stringify(await explore(options)));
    process.exit(0);`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], { maxBuffer: 2 ** 26 });
  return JSON.parse(stdout);
}

async function tryMutation({ name, file, text, instead }, at) {
  const root = mkdtempSync(join(tmpdir(), "protosaga-mutation-"));
  const cache = `mutation-${process.pid}-${at}`;
  try {
    cpSync(join(repository, "runtime"), join(root, "runtime"), { recursive: true });
    cpSync(join(repository, "package.json"), join(root, "package.json"));
    const path = join(root, "runtime", file);
    const source = readFileSync(path, "utf8");
    if (source.split(text).length !== 2) {
      throw new Error(`the text of "${name}" occurs ${source.split(text).length - 1} times in ${file}`);
    }
    writeFileSync(
      path,
      source.replace(text, () => instead),
    );
    const { runs, failures } = await tryOut(buildSimulator(cache, root));
    return { name, file, runs, failure: failures[0] };
  } finally {
    rmSync(root, { recursive: true, force: true });
    removeBuild(cache);
  }
}

const wanted = mutations.filter(({ name }) => name.includes(values.only) && rare.has(name) === values.rare);
const results = new Map();
let next = 0;
async function work() {
  for (let at = next++; at < wanted.length; at = next++) {
    const result = await tryMutation(wanted[at], at);
    results.set(wanted[at].name, result);
    process.stderr.write(`${result.failure === undefined ? "UNNOTICED" : result.runs} ${result.name}\n`);
  }
}
await Promise.all(Array.from({ length: Number(values.workers) }, work));

print("| break | in | noticed by | after runs |\n| --- | --- | --- | --- |");
for (const { name } of wanted) {
  const { file, runs, failure } = results.get(name);
  print(
    `| ${name} | \`${file}\` | ${failure?.invariant ?? "**nothing**"} | ${failure === undefined ? `> ${runs}` : runs} |`,
  );
}
const unnoticed = wanted.filter(({ name }) => results.get(name).failure === undefined);
print(`\n${wanted.length - unnoticed.length} of ${wanted.length} breaks noticed`);
process.exitCode = unnoticed.length > 0 ? 1 : 0;
