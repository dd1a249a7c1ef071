/**
 * What became of a delivery: done, or to be delivered again later. A promise: it needs no place any more, and is done
 * when that has settled.
 */
export type Outcome = "done" | "again" | { readonly doneWhen: Promise<unknown> };

/** How lanes deliver. */
export interface LaneOptions<Item> {
  /** How many items are delivered at the same time. */
  readonly concurrency: number;
  /** How long an item waits to be delivered again, ms. Its key waits with it, its place is free. */
  readonly redeliveryDelayMs: number;
  /** Must not reject. */
  deliver(item: Item): Promise<Outcome>;
}

/** Items of one key are delivered one after the other, those of different keys at the same time. */
export interface Lanes<Item> {
  add(key: string, item: Item): void;
  /** Forgets what is not being delivered. A key stays busy until its delivery under way has ended. */
  clear(): void;
  /** Forgets the same, and delivers nothing more. Resolves once nothing is under way. */
  close(): Promise<void>;
}

interface Lane<Item> {
  readonly key: string;
  items: Item[];
  /** An item of it is being delivered, or waits to be delivered again. */
  busy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** Makes lanes. They deliver from the first item on. */
export function createLanes<Item>({ concurrency, redeliveryDelayMs, deliver }: LaneOptions<Item>): Lanes<Item> {
  const lanes = new Map<string, Lane<Item>>();
  const underWay = new Set<Promise<void>>();
  /** Those with items and without a delivery. */
  let ready: Lane<Item>[] = [];
  let delivering = 0;
  let closed = false;
  let clearings = 0;

  function pump(): void {
    while (!closed && delivering < concurrency) {
      const lane = ready.shift();
      const item = lane?.items.shift();
      if (lane === undefined || item === undefined) {
        return;
      }
      lane.busy = true;
      const delivery = carryOut(lane, item).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
    }
  }

  async function carryOut(lane: Lane<Item>, item: Item): Promise<void> {
    const clearing = clearings;
    delivering++;
    const outcome = await deliver(item);
    delivering--;
    if (outcome === "again" && clearing === clearings && !closed) {
      lane.items.unshift(item);
      lane.timer = setTimeout(release, redeliveryDelayMs, lane);
    } else if (typeof outcome === "object") {
      pump();
      await outcome.doneWhen;
      release(lane);
    } else {
      release(lane);
    }
    pump();
  }

  function release(lane: Lane<Item>): void {
    lane.busy = false;
    lane.timer = undefined;
    if (lane.items.length > 0) {
      ready.push(lane);
    } else {
      lanes.delete(lane.key);
    }
    pump();
  }

  function clear(): void {
    clearings++;
    ready = [];
    for (const lane of lanes.values()) {
      lane.items = [];
      if (lane.timer !== undefined) {
        clearTimeout(lane.timer);
        release(lane);
      } else if (!lane.busy) {
        lanes.delete(lane.key);
      }
    }
  }

  return {
    add(key, item) {
      let lane = lanes.get(key);
      if (lane === undefined) {
        lane = { key, items: [], busy: false, timer: undefined };
        lanes.set(key, lane);
      }
      lane.items.push(item);
      if (!lane.busy && lane.items.length === 1) {
        ready.push(lane);
        pump();
      }
    },
    clear,
    async close() {
      closed = true;
      clear();
      await Promise.all(underWay);
    },
  };
}
