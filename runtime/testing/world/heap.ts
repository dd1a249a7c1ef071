/** A binary heap: what comes before all else is at hand. */
export interface Heap<Item> {
  peek(): Item | undefined;
  pop(): Item | undefined;
  push(item: Item): void;
  count(wanted: (item: Item) => boolean): number;
}

/** Makes an empty heap. @param before whether one item comes before another */
export function createHeap<Item>(before: (one: Item, other: Item) => boolean): Heap<Item> {
  const items: Item[] = [];

  function sink(item: Item): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const left = items[child];
      if (left === undefined) {
        break;
      }
      let smaller = left;
      const right = items[child + 1];
      if (right !== undefined && before(right, left)) {
        child++;
        smaller = right;
      }
      if (!before(smaller, item)) {
        break;
      }
      items[at] = smaller;
      at = child;
    }
    items[at] = item;
  }

  return {
    peek: () => items[0],
    count: (wanted) => items.filter(wanted).length,
    pop() {
      const first = items[0];
      const last = items.pop();
      if (items.length > 0 && last !== undefined) {
        sink(last);
      }
      return first;
    },
    push(item) {
      let at = items.length;
      while (at > 0) {
        const parent = (at - 1) >> 1;
        const above = items[parent];
        if (above === undefined || !before(item, above)) {
          break;
        }
        items[at] = above;
        at = parent;
      }
      items[at] = item;
    },
  };
}
