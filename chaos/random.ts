import { createHash } from "node:crypto";

/** Random values that a seed determines. */
export interface Random {
  /** From 0 up to but not including 1. */
  next(): number;
  /** A number from `least` up to `most`. */
  between(least: number, most: number): number;
  /** True with this probability, 0 to 1. */
  chance(share: number): boolean;
  /** An element of a list, which must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** One of the names, by their probabilities; undefined with the probability that is left to 1. */
  share<Name extends string>(shares: Readonly<Record<Name, number>>): Name | undefined;
}

/**
 * Creates a random sequence for a name. It does not depend on what other sequences draw.
 * @param name the run's seed and what it is for: "17/load/3"
 */
export function createRandom(name: string): Random {
  let drawn = 0;
  const random: Random = {
    next: () => createHash("sha256").update(`${name}#${drawn++}`).digest().readUIntBE(0, 6) / 2 ** 48,
    between: (least, most) => least + random.next() * (most - least),
    chance: (share) => random.next() < share,
    pick<T>(list: readonly T[]): T {
      return list[Math.floor(random.next() * list.length)] as T;
    },
    share<Name extends string>(shares: Readonly<Record<Name, number>>): Name | undefined {
      let left = random.next();
      for (const [name, share] of Object.entries<number>(shares) as [Name, number][]) {
        left -= share;
        if (left < 0) return name;
      }
      return undefined;
    },
  };
  return random;
}
