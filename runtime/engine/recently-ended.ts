/** The sagas that ended last in this process. */
export interface RecentlyEnded {
  add(sagaId: string): void;
  has(sagaId: string): boolean;
}

/** How many are remembered: a megabyte or two. */
const most = 16_384;

/** Remembers a number of ids, and forgets the oldest. */
export function createRecentlyEnded(): RecentlyEnded {
  const ids = new Set<string>();
  return {
    add(sagaId) {
      ids.add(sagaId);
      if (ids.size > most) {
        for (const oldest of ids) {
          ids.delete(oldest);
          return;
        }
      }
    },
    has: (sagaId) => ids.has(sagaId),
  };
}
