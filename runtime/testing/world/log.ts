import type { Message } from "../../journal/journal.js";
import { hashOf } from "./chance.js";

/** How many partitions each topic has. */
export const partitions = 4;

/** The partition of a key, on every topic the same. */
export function partitionOf(key: string): number {
  return hashOf(7, key) % partitions;
}

/** A message taken from a partition. */
export interface Taken {
  readonly offset: number;
  readonly message: Message;
}

/** One partition of a topic, with how far the group has got on it. */
export interface Log {
  readonly topic: string;
  readonly partition: number;
  append(message: Message): void;
  /** The next message whose key is free; its key is busy from then on. */
  take(): Taken | undefined;
  /** Frees a key. */
  release(key: string): void;
  /** The message is taken care of. */
  handled(offset: number): void;
  /** The message is to be taken again, before all others of its key. */
  again(offset: number): void;
  /** Remembers up to where all is handled. */
  commit(): void;
  /** Goes back to what was committed: all after that comes again, handled or not. */
  rewind(): void;
  /** How many messages are not committed. */
  readonly open: number;
}

/** Makes an empty partition. */
export function createLog(topic: string, partition: number): Log {
  const messages: Message[] = [];
  let committed = 0;
  /** What is neither taken nor handled, in order. */
  let waiting: number[] = [];
  let busy = new Set<string>();
  let done = new Set<number>();

  const keyOf = (offset: number) => messages[offset]?.key ?? "";

  return {
    topic,
    partition,
    append(message) {
      waiting.push(messages.push(message) - 1);
    },
    take() {
      const at = waiting.findIndex((offset) => !busy.has(keyOf(offset)));
      const [offset] = at < 0 ? [] : waiting.splice(at, 1);
      const message = offset === undefined ? undefined : messages[offset];
      if (offset === undefined || message === undefined) {
        return undefined;
      }
      busy.add(message.key);
      return { offset, message };
    },
    release: (key) => void busy.delete(key),
    handled: (offset) => void done.add(offset),
    again(offset) {
      busy.delete(keyOf(offset));
      waiting = [offset, ...waiting];
    },
    commit() {
      while (done.delete(committed)) {
        committed++;
      }
    },
    rewind() {
      done = new Set();
      busy = new Set();
      waiting = messages.map((_, offset) => offset).filter((offset) => offset >= committed);
    },
    get open() {
      return messages.length - committed;
    },
  };
}
