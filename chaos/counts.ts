/** What is counted, by name: "SIGKILL pod", "lost answers"… */
export interface Counts {
  add(name: string, more?: number): void;
  of(name: string): number;
  /** All whose name begins so, added up. */
  sum(prefix: string): number;
  /** All of them, in the order of their names. */
  all(): Readonly<Record<string, number>>;
}

/** Counts from zero. @param known names that are told even where they stay at zero */
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
