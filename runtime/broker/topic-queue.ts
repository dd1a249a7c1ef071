/** Permission to handle one message of a topic. It includes the message's key: others of that key wait. */
export interface Slot {
  /** Lets a message of another key have the slot. The key stays busy. */
  freeSlot(): void;
  /** Frees the slot and the key. Calling it again does nothing. */
  release(): void;
}

type Waiter = (slot: Slot) => void;

interface Key {
  readonly name: string;
  waiters: Waiter[];
  busy: boolean;
}

/** The slots of one topic. They are given in turn; one key has at most one at a time. */
class TopicSlots {
  /** Keys that are busy or have waiters. */
  readonly #keys = new Map<string, Key>();
  /** Keys that have waiters and are not busy, in turn. */
  #ready: Key[] = [];
  #limit = 0;
  #taken = 0;
  #serving = false;
  #closed = false;
  #onIdle = () => {};

  /** Sets how many slots there are. 0, the default: none are given. */
  setLimit(limit: number): void {
    this.#limit = limit;
    this.#serve();
  }

  /** Takes a slot if one is free now. */
  claim(name: string): Slot | undefined {
    if (this.#taken >= this.#limit || this.#keys.has(name)) {
      return undefined;
    }
    return this.#take(this.#keyOf(name));
  }

  /** Waits for a slot. After `close`, none is given. @param taken must not throw; it may release the slot at once */
  wait(name: string, taken: Waiter): void {
    if (this.#closed) {
      return;
    }
    const key = this.#keyOf(name);
    key.waiters.push(taken);
    if (!key.busy && key.waiters.length === 1) {
      this.#ready.push(key);
    }
    this.#serve();
  }

  /** Releases a slot, and waits for the next slot of its key before all others of that key. */
  waitAgain(name: string, slot: Slot, taken: Waiter): void {
    this.#keyOf(name).waiters.unshift(taken);
    slot.release();
  }

  /** Forgets all who wait. */
  clear(): void {
    this.#ready = [];
    for (const key of this.#keys.values()) {
      key.waiters = [];
      this.#forgetIfUnused(key);
    }
  }

  /** Gives no more slots, and forgets all who wait. Resolves once all slots and keys are released. */
  close(): Promise<void> {
    this.#closed = true;
    this.#limit = 0;
    this.clear();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    if (this.#keys.size === 0) {
      this.#onIdle();
    }
  }

  #keyOf(name: string): Key {
    const key = this.#keys.get(name) ?? { name, waiters: [], busy: false };
    this.#keys.set(name, key);
    return key;
  }

  #take(key: Key): Slot {
    this.#taken++;
    key.busy = true;
    let hasSlot = true;
    let hasKey = true;
    const freeSlot = () => {
      this.#taken -= hasSlot ? 1 : 0;
      hasSlot = false;
      this.#serve();
    };
    return {
      freeSlot,
      release: () => {
        if (hasKey) {
          hasKey = false;
          key.busy = false;
          if (key.waiters.length > 0) {
            this.#ready.push(key);
          }
          this.#forgetIfUnused(key);
          freeSlot();
        }
      },
    };
  }

  #forgetIfUnused(key: Key): void {
    if (!key.busy && key.waiters.length === 0) {
      this.#keys.delete(key.name);
      this.#checkIdle();
    }
  }

  /** Gives the free slots to those who wait. */
  #serve(): void {
    if (this.#serving) {
      return; // Thousands may release their slot at once: their calls must not nest.
    }
    this.#serving = true;
    while (this.#taken < this.#limit) {
      const key = this.#ready.shift();
      const taken = key?.waiters.shift();
      if (key === undefined || taken === undefined) {
        break;
      }
      taken(this.#take(key));
    }
    this.#serving = false;
  }
}

/** How a topic's messages are delivered. */
export interface DeliveryOptions<Item> {
  /**
   * Delivers a message; must not reject. The slot may be freed before the delivery ends; the key stays busy.
   * @returns whether the message is done, or is to be delivered again later
   */
  deliver(item: Item, slot: Slot): Promise<"done" | "again">;
  /** The delay before a message is delivered again, ms. It doubles each time. */
  readonly redeliveryDelayMs: number;
  /** The longest such delay, ms. */
  readonly maxRedeliveryDelayMs: number;
  /** Runs an action once after so many ms, and returns a function that cancels it. Default: Node.js timers */
  readonly after?: ((ms: number, action: () => void) => () => void) | undefined;
}

interface Delivery<Item> {
  readonly key: string;
  readonly item: Item;
  delayMs: number;
}

/**
 * The messages of one topic that wait for delivery. Those of one key are delivered one after the other; a message that
 * waits to be delivered again holds up its key, and no slot.
 */
export class TopicQueue<Item> {
  readonly slots = new TopicSlots();
  readonly #options: DeliveryOptions<Item>;
  /** Messages that wait to be delivered again: what cancels each. */
  readonly #delayed = new Set<() => void>();
  #clearings = 0;

  constructor(options: DeliveryOptions<Item>) {
    this.#options = options;
  }

  add(key: string, item: Item): void {
    const delivery = { key, item, delayMs: this.#options.redeliveryDelayMs };
    this.slots.wait(key, (slot) => void this.#run(delivery, slot));
  }

  /** Forgets all messages that are not being delivered. A key stays busy until its running delivery has ended. */
  clear(): void {
    this.#clearings++;
    this.slots.clear();
    for (const cancel of [...this.#delayed]) {
      cancel();
    }
  }

  /** Delivers nothing more. Resolves once no delivery is running and all slots are released. */
  close(): Promise<void> {
    const closed = this.slots.close();
    this.clear();
    return closed;
  }

  async #run(delivery: Delivery<Item>, slot: Slot): Promise<void> {
    const clearings = this.#clearings;
    const outcome = await this.#options.deliver(delivery.item, slot);
    if (outcome === "done" || clearings !== this.#clearings) {
      slot.release();
      return;
    }
    slot.freeSlot();
    const { after = afterReal, maxRedeliveryDelayMs } = this.#options;
    const stop = after(delivery.delayMs, () => {
      this.#delayed.delete(cancel);
      this.slots.waitAgain(delivery.key, slot, (next) => void this.#run(delivery, next));
    });
    const cancel = () => {
      this.#delayed.delete(cancel);
      stop();
      slot.release();
    };
    this.#delayed.add(cancel);
    delivery.delayMs = Math.min(delivery.delayMs * 2, maxRedeliveryDelayMs);
  }
}

function afterReal(ms: number, action: () => void): () => void {
  const timer = setTimeout(action, ms);
  return () => clearTimeout(timer);
}
