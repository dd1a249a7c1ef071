import type { Handler } from "../../runtime/broker/broker.js";
import type { Message } from "../../runtime/journal/journal.js";

/** A handler whose deliveries a test sees, and ends itself. */
export interface RecordingHandler {
  readonly handle: Handler;
  /** The bodies delivered so far, in their order. */
  readonly bodies: readonly string[];
  /** Those being handled. */
  readonly held: ReadonlySet<string>;
  /** How many were at most handled at the same time. */
  readonly most: number;
  /** Ends the handling of a message, which must be held. */
  finish(body: string, error?: unknown): void;
}

/** Makes one. Unless told otherwise it holds each message until the test finishes it. */
export function createRecordingHandler(): RecordingHandler {
  const bodies: string[] = [];
  const ends = new Map<string, (error?: unknown) => void>();
  const held = new Set<string>();
  let most = 0;
  return {
    bodies,
    held,
    get most() {
      return most;
    },
    handle: ({ body }: Message) => {
      bodies.push(body);
      if (held.has(body)) {
        throw new Error(`${body} is being handled already`);
      }
      held.add(body);
      most = Math.max(most, held.size);
      return new Promise((resolve, reject) => {
        ends.set(body, (error) => {
          held.delete(body);
          error === undefined ? resolve() : reject(error);
        });
      });
    },
    finish(body, error) {
      const end = ends.get(body);
      if (end === undefined || !held.has(body)) {
        throw new Error(`${body} is not being handled; ${[...held].join(", ") || "nothing"} is`);
      }
      end(error);
    },
  };
}
