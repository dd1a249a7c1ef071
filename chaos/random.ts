import { createHash } from "node:crypto";

/** Chance that is the same again for the same seed. */
export interface Random {
  /** From 0 up to but not including 1. */
  next(): number;
  /** A number from `least` up to `most`. */
  between(least: number, most: number): number;
  /** Whether something that happens so often, 0 to 1, happens now. */
  chance(share: number): boolean;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
  /** One of the names, each as often as its share says. The shares need not add up to 1: what is left is undefined. */
  share<Name extends string>(shares: Readonly<Record<Name, number>>): Name | undefined;
}

/**
 * Chance of its own for a name: whatever is drawn elsewhere, and in whatever order, changes nothing here.
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
