/** A place on a topic, and with it its key: whoever else has that key waits, too. */
export interface Place {
  /** Gives both back. Calling it again does nothing. */
  giveBack(): void;
  /** Gives back the place alone. @returns what gives back the key */
  keepKey(): () => void;
}

/** Somebody who waits for a place. */
export interface Waiting {
  readonly key: string;
  /** The place is there. It may be given back at once. Must not throw. */
  begin(place: Place): void;
}

/** The places of one topic: how many are taken, and who waits for the next one. */
export interface TopicPlaces {
  /** Whether places are given away. */
  open: boolean;
  /** How many there are. */
  limit: number;
  /** A place, where one is free and nobody waits before. */
  claim(key: string): Place | undefined;
  /** Gives a place as soon as there is one, in turn; of those with the same key one after the other. */
  wait(waiting: Waiting): void;
  /** The same, before all others. */
  waitFirst(waiting: Waiting): void;
  /** Gives the places that are free to those who wait. */
  pump(): void;
}

/** Makes the places of a topic, none at first. */
export function createTopicPlaces(): TopicPlaces {
  const waiting: Waiting[] = [];
  const busyKeys = new Set<string>();
  let taken = 0;
  let pumping = false;

  const isFree = () => places.open && taken < places.limit;

  function take(key: string): Place {
    taken++;
    busyKeys.add(key);
    let held = true;
    const release = () => {
      if (held) {
        held = false;
        taken--;
      }
    };
    return {
      giveBack() {
        if (held) {
          release();
          busyKeys.delete(key);
          pump();
        }
      },
      keepKey() {
        release();
        pump();
        return () => {
          busyKeys.delete(key);
          pump();
        };
      },
    };
  }

  function pump(): void {
    if (pumping) {
      return; // Who begins may be done at once: thousands of those must not be nested.
    }
    pumping = true;
    while (isFree()) {
      const at = waiting.findIndex(({ key }) => !busyKeys.has(key));
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      if (next === undefined) {
        break;
      }
      next.begin(take(next.key));
    }
    pumping = false;
  }

  const places: TopicPlaces = {
    open: false,
    limit: 0,
    claim: (key) => (isFree() && waiting.length === 0 && !busyKeys.has(key) ? take(key) : undefined),
    wait(next) {
      waiting.push(next);
      pump();
    },
    waitFirst(next) {
      waiting.unshift(next);
      pump();
    },
    pump,
  };
  return places;
}
