/** A message that was taken from a partition. */
export interface Taken {
  readonly offset: bigint;
  readonly bytes: number;
  done: boolean;
}

/** Knows up to where a partition is handled, whatever the order in which its messages are. */
export interface OffsetTracker {
  /** To be called in the order of the offsets. */
  add(offset: bigint, bytes: number): Taken;
  done(taken: Taken): void;
  /** The offset behind the last message before which all are done; undefined where none is. */
  readonly handledTo: bigint | undefined;
  /** How many messages are not done, or behind one that is not. */
  readonly pending: number;
  /** Their size together. */
  readonly pendingBytes: number;
}

/** Makes one, for a partition that was just assigned. */
export function createOffsetTracker(): OffsetTracker {
  let window: Taken[] = [];
  let head = 0;
  let handledTo: bigint | undefined;
  let pendingBytes = 0;

  return {
    add(offset, bytes) {
      const taken = { offset, bytes, done: false };
      window.push(taken);
      pendingBytes += bytes;
      return taken;
    },
    done(taken) {
      taken.done = true;
      for (let next = window[head]; next?.done; next = window[head]) {
        handledTo = next.offset + 1n;
        pendingBytes -= next.bytes;
        head++;
      }
      // Now and then only: to shift each message out would be quadratic.
      if (head > 1_000 && head * 2 > window.length) {
        window = window.slice(head);
        head = 0;
      }
    },
    get handledTo() {
      return handledTo;
    },
    get pending() {
      return window.length - head;
    },
    get pendingBytes() {
      return pendingBytes;
    },
  };
}
