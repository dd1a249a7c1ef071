/** Where messages wait that the broker refuses, and behind them those of their key, so that others can pass. */
export interface Parking<Item> {
  /** Parks a message that was refused. */
  park(place: string, item: Item): void;
  /** Parks a message behind one that was; false where there is none. */
  takes(place: string, item: Item): boolean;
  /** To be told of each message that went through. */
  passed(place: string): void;
  /** Forgets all. */
  clear(): void;
}

interface Place<Item> {
  attempts: number;
  items: Item[];
  timer: NodeJS.Timeout | undefined;
}

const minWaitMs = 500;
const maxWaitMs = 30_000;

/** Makes one. `free` gets a place's messages back when their time has come, longer after each refusal. */
export function createParking<Item>(free: (items: readonly Item[]) => void): Parking<Item> {
  const places = new Map<string, Place<Item>>();

  return {
    park(name, item) {
      const place = places.get(name) ?? { attempts: 0, items: [], timer: undefined };
      places.set(name, place);
      place.items.unshift(item);
      place.timer = setTimeout(
        () => {
          const { items } = place;
          place.items = [];
          place.timer = undefined;
          free(items);
        },
        Math.min(minWaitMs * 2 ** place.attempts++, maxWaitMs),
      );
    },
    takes(name, item) {
      // Of nearly all messages: none is parked.
      const place = places.size === 0 ? undefined : places.get(name);
      if (place?.timer === undefined) {
        return false;
      }
      place.items.push(item);
      return true;
    },
    passed(name) {
      if (places.size > 0) {
        places.delete(name);
      }
    },
    clear() {
      for (const { timer } of places.values()) {
        clearTimeout(timer);
      }
      places.clear();
    },
  };
}
