/** Named counters: "SIGKILL pod", "answers lost"… */
export interface Counts {
  add(name: string, more?: number): void;
  of(name: string): number;
  /** The sum of all counters whose name has this prefix. */
  sum(prefix: string): number;
  /** All counters, sorted by name. */
  all(): Readonly<Record<string, number>>;
}

/** Creates counters at zero. @param known names that are listed even if they stay at zero */
export function createCounts(known: readonly string[] = []): Counts {
  const counts = new Map<string, number>(known.map((name) => [name, 0]));
  return {
    add(name, more = 1) {
      counts.set(name, (counts.get(name) ?? 0) + more);
    },
    of: (name) => counts.get(name) ?? 0,
    sum: (prefix) => [...counts].reduce((sum, [name, count]) => sum + (name.startsWith(prefix) ? count : 0), 0),
    all: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
