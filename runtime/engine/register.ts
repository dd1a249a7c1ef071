/** What is found by its key. */
export interface Register<Value> {
  get(key: string): Value | undefined;
  has(key: string): boolean;
  set(key: string, value: Value): void;
  delete(key: string): void;
  keys(): Iterable<string>;
  /** In the order in which their keys came. */
  values(): readonly Value[];
}

interface Box<Value> {
  value: Value | undefined;
}

/**
 * Makes an empty register, for what comes and goes by the thousand. A Map makes itself a new table every few entries that come
 * and go, and V8 has each table refer to the next one, and keep what was in it. Once one of them is in the old generation, as
 * after each full collection, all that follow it live until the next full one, and with them nearly half of what ever was in the
 * Map: each collection of the young generation copies that, twice. Of what these copied, ended sagas were two thirds. Here
 * tables keep boxes, and a box loses its content when that is deleted.
 */
export function createRegister<Value>(): Register<Value> {
  const boxes = new Map<string, Box<Value>>();
  return {
    get: (key) => boxes.get(key)?.value,
    has: (key) => boxes.has(key),
    set(key, value) {
      const box = boxes.get(key);
      if (box === undefined) {
        boxes.set(key, { value });
      } else {
        box.value = value;
      }
    },
    delete(key) {
      const box = boxes.get(key);
      if (box !== undefined) {
        box.value = undefined;
        boxes.delete(key);
      }
    },
    keys: () => boxes.keys(),
    values: () => [...boxes.values()].map(({ value }) => value as Value),
  };
}
