import type { Journal, StoredSaga } from "../journal/journal.js";
import type { Log } from "./ports.js";

/** How many sagas are read at a time. */
const batch = 200;

/**
 * Reads sagas a few hundred at a time, and hands each over. One that can't be read, or handled, is told of: it must not
 * keep all others from being carried on.
 * @param unread told of those that the journal can't give now
 */
export async function eachStored(
  journal: Journal,
  sagaIds: readonly string[],
  log: Log,
  use: (stored: StoredSaga) => void,
  unread: (sagaId: string) => void = () => {},
): Promise<void> {
  const each = (stored: StoredSaga) => {
    try {
      use(stored);
    } catch (err) {
      log.error({ saga: stored.sagaId, err }, "saga parked: it can't be taken up");
    }
  };
  for (let at = 0; at < sagaIds.length; at += batch) {
    const ids = sagaIds.slice(at, at + batch);
    try {
      (await journal.loadMany(ids)).forEach(each);
    } catch {
      await oneByOne(journal, ids, log, each, unread);
    }
  }
}

async function oneByOne(
  journal: Journal,
  sagaIds: readonly string[],
  log: Log,
  use: (stored: StoredSaga) => void,
  unread: (sagaId: string) => void,
): Promise<void> {
  for (const sagaId of sagaIds) {
    try {
      const stored = await journal.load(sagaId);
      if (stored !== undefined) {
        use(stored);
      }
    } catch (err) {
      log.error({ saga: sagaId, err }, "saga parked: the journal's record of it can't be read");
      unread(sagaId);
    }
  }
}
