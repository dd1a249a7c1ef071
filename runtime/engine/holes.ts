import type { StoredSaga } from "../journal/journal.js";

/**
 * Sagas whose records have a hole: the journal refuses the next number, for which it shows no entry. Whoever went on from
 * what is shown would be refused for ever, and does not know what happened to the saga.
 */
export interface Holes {
  /**
   * Looks at what the journal shows of a saga after it has refused an entry of it.
   * @param refused the entry's number
   * @returns why nothing can come of the saga; undefined where somebody else has moved it on
   */
  look(stored: StoredSaga, refused: number): string | undefined;
  /** Why nothing can come of a saga, as was found before; undefined where its records have changed since. */
  known(stored: StoredSaga): string | undefined;
}

/** Makes an empty register. */
export function createHoles(): Holes {
  /** How many records were shown. */
  const shown = new Map<string, number>();
  const why = (count: number) => `its records have a hole: the journal shows ${count} of them, and refuses the next`;

  return {
    look({ sagaId, records }, refused) {
      if (records.length > refused) {
        return undefined;
      }
      shown.set(sagaId, records.length);
      return why(records.length);
    },
    known({ sagaId, records }) {
      return shown.get(sagaId) === records.length ? why(records.length) : undefined;
    },
  };
}
