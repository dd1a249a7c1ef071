import { type RunResult, runSeed } from "./run.js";

/** A failure with as little in it as was found to bring it about. */
export interface Shrunk {
  /** Faults that are left out, as `kind@site`. */
  readonly without: ReadonlySet<string>;
  /** Sagas, clients and pods that are left out. */
  readonly leftOut: ReadonlySet<string>;
  /** The run of what is left, traced. */
  readonly result: RunResult;
  /** How many runs that took. */
  readonly runs: number;
}

/** The most runs that a failure is shrunk with. */
const mostRuns = 500;

/**
 * Leaves out of a failing run all that its failure can do without: sagas, clients, pods and faults, in ever smaller
 * portions (delta debugging). What is left violates the same invariant.
 * @param run runs a seed; default: as it is
 */
export async function shrink(failing: RunResult, run: typeof runSeed = runSeed): Promise<Shrunk> {
  const invariant = failing.violations[0]?.invariant;
  const without = new Set<string>();
  const leftOut = new Set<string>();
  let current = failing;
  let runs = 0;

  async function tryWithout(items: readonly string[]): Promise<boolean> {
    const more = { without: new Set(without), leftOut: new Set(leftOut) };
    for (const item of items) {
      (item.includes("@") ? more.without : more.leftOut).add(item);
    }
    runs++;
    const result = await run(failing.seed, more);
    if (result.violations[0]?.invariant !== invariant) {
      return false;
    }
    for (const item of items) {
      (item.includes("@") ? without : leftOut).add(item);
    }
    current = result;
    return true;
  }

  const items = () => [...new Set([...current.parts, ...current.fired.map(({ kind, site }) => `${kind}@${site}`)])];
  for (let size = Math.ceil(items().length / 2); size >= 1 && runs < mostRuns; ) {
    let removed = false;
    const all = items();
    for (let at = 0; at < all.length && runs < mostRuns; at += size) {
      removed = (await tryWithout(all.slice(at, at + size))) || removed;
    }
    if (size > 1) {
      size = Math.ceil(size / 2);
    } else if (!removed) {
      break;
    }
  }
  const result = await run(failing.seed, { without, leftOut, traced: true });
  return { without, leftOut, result, runs: runs + 1 };
}
