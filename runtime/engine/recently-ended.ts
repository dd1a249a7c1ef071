/** The sagas that ended last in this process. */
export interface RecentlyEnded {
  add(sagaId: string): void;
  has(sagaId: string): boolean;
}

/** How many are remembered at least: a megabyte or two. */
const least = 16_384;

/**
 * Remembers a number of ids, and forgets older ones: many at a time, since the oldest of a Set is the longer to find the more
 * have been removed before it.
 */
export function createRecentlyEnded(): RecentlyEnded {
  let newer = new Set<string>();
  let older = new Set<string>();
  return {
    add(sagaId) {
      newer.add(sagaId);
      if (newer.size >= least) {
        older = newer;
        newer = new Set();
      }
    },
    has: (sagaId) => newer.has(sagaId) || older.has(sagaId),
  };
}
