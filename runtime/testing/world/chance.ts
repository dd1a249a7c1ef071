/** A 32-bit hash of a text, begun from a seed: FNV-1a with the finish of MurmurHash3, so that near texts give far numbers. */
export function hashOf(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A fault that fired: where, and of what kind. */
export interface Fired {
  /** Such as "answer-lost"; what coverage is counted by. */
  readonly kind: string;
  /** The name of the place, the same in every run of the seed: "a/step-1#2". */
  readonly site: string;
}

/**
 * Chance that hangs on the name of the place where it is asked for, not on how often it was asked before: leaving one fault
 * out leaves all others as they were, which is what shrinking a failure to its causes needs.
 */
export interface Chance {
  /** From 0 up to but not including 1: always the same for one site of one seed. */
  roll(site: string): number;
  /** A whole number from `low` to `high`, both included. */
  between(site: string, low: number, high: number): number;
  /** One of several. @throws RangeError where there are none */
  pick<Item>(site: string, items: readonly Item[]): Item;
  /** Whether a fault of a kind happens at a site. Those that do are kept in `fired`, unless they are left out. */
  fault(kind: string, site: string, probability: number): boolean;
  readonly fired: readonly Fired[];
}

/** How chance is bent. */
export interface ChanceOptions {
  /** Faults that do not happen, as `kind@site`. */
  readonly without?: ReadonlySet<string>;
  /** Multiplies every fault's probability. Default: 1 */
  readonly intensity?: number;
  /** Faults happen only while this says so. */
  readonly enabled?: () => boolean;
  /** Told of each fault that fires. */
  readonly onFired?: (fired: Fired) => void;
}

/** Makes chance from a seed, a 32-bit integer. */
export function createChance(
  seed: number,
  { without = new Set(), intensity = 1, enabled = () => true, onFired }: ChanceOptions = {},
): Chance {
  const fired: Fired[] = [];
  const roll = (site: string) => hashOf(seed, site) / 2 ** 32;
  return {
    fired,
    roll,
    between: (site, low, high) => low + Math.floor(roll(site) * (high - low + 1)),
    pick(site, items) {
      const item = items[Math.floor(roll(site) * items.length)];
      if (items.length === 0) {
        throw new RangeError(`nothing to choose from at ${site}`);
      }
      return item as (typeof items)[number];
    },
    fault(kind, site, probability) {
      if (probability <= 0 || !enabled() || roll(`${kind}@${site}`) >= probability * intensity) {
        return false;
      }
      if (without.size > 0 && without.has(`${kind}@${site}`)) {
        return false;
      }
      const one = { kind, site };
      fired.push(one);
      onFired?.(one);
      return true;
    },
  };
}
