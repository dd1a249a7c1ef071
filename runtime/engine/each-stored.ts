import { isSagaError } from "../core/errors.js";
import type { Journal, StoredSaga } from "../journal/journal.js";
import type { Log } from "./ports.js";

/** How many sagas are read at a time. */
const batch = 200;

/** How sagas are read. */
export interface EachStoredOptions {
  /** Gets those that can't be read now, and perhaps can later. */
  readonly unread?: (sagaId: string) => void;
  /** Whether nobody wants the rest any more. Default: never */
  readonly isStopped?: () => boolean;
}

/**
 * Reads sagas a few hundred at a time, and hands each over. One that can't be read, or handled, is told of: it must not
 * keep all others from being carried on.
 */
export async function eachStored(
  journal: Journal,
  sagaIds: readonly string[],
  log: Log,
  use: (stored: StoredSaga) => void,
  { unread = () => {}, isStopped = () => false }: EachStoredOptions = {},
): Promise<void> {
  const each = (stored: StoredSaga) => {
    try {
      use(stored);
    } catch (err) {
      log.error({ saga: stored.sagaId, err }, "saga parked: it can't be taken up");
    }
  };
  for (let at = 0; at < sagaIds.length && !isStopped(); at += batch) {
    const ids = sagaIds.slice(at, at + batch);
    try {
      (await journal.loadMany(ids)).forEach(each);
    } catch {
      await oneByOne(journal, ids, each, isStopped, (sagaId, err) => {
        const about = { saga: sagaId, err };
        if (isSagaError(err) && err.code === "SAGA_JOURNAL_CORRUPT") {
          log.error(about, "saga parked: the journal's record of it can't be read");
        } else {
          log.error(about, "a saga can't be read now");
          unread(sagaId);
        }
      });
    }
  }
}

async function oneByOne(
  journal: Journal,
  sagaIds: readonly string[],
  use: (stored: StoredSaga) => void,
  isStopped: () => boolean,
  unread: (sagaId: string, error: unknown) => void,
): Promise<void> {
  for (const sagaId of sagaIds) {
    if (isStopped()) {
      return;
    }
    try {
      const stored = await journal.load(sagaId);
      if (stored !== undefined) {
        use(stored);
      }
    } catch (err) {
      unread(sagaId, err);
    }
  }
}
