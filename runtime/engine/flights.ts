/**
 * The upstream calls of a saga that this process has under way, by idempotency key. They may outlive the run that made
 * them: a saga that was put aside and is taken up again must not make a call that is still under way here.
 */
export interface Flights {
  readonly size: number;
  /** Called whenever the last call under way has ended. */
  onEmpty: () => void;
  /** A call leaves. @returns to be called when it has ended; gives what runs whatever waited for that */
  depart(key: string): () => () => void;
  /** Has something done once a call has ended. @returns false where no such call is under way, and nothing will be done */
  afterLanding(key: string, action: () => void): boolean;
}

/** Makes an empty list of calls. */
export function createFlights(): Flights {
  const waiting = new Map<string, (() => void)[]>();
  const flights: Flights = {
    onEmpty() {},
    get size() {
      return waiting.size;
    },
    depart(key) {
      const actions: (() => void)[] = [];
      waiting.set(key, actions);
      return () => {
        waiting.delete(key);
        if (waiting.size === 0) {
          flights.onEmpty();
        }
        return () => {
          for (const action of actions) {
            action();
          }
        };
      };
    },
    afterLanding(key, action) {
      const actions = waiting.get(key);
      actions?.push(action);
      return actions !== undefined;
    },
  };
  return flights;
}
