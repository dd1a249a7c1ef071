import { createHeap } from "./heap.js";

/** What an event belongs to: a process, whose events die with it and wait while it is stalled. */
export interface EventOwner {
  readonly alive: boolean;
  /** Until when it is stalled, in virtual ms. */
  readonly stalledUntilMs: number;
}

/** Virtual time: nothing waits for the machine's clock. */
export interface Scheduler {
  /** The true time, ms since the world began. Processes have clocks of their own that may differ. */
  now(): number;
  /** Has an action happen once, so many ms from now. @returns a function that calls it off */
  after(ms: number, action: () => void, owner?: EventOwner): () => void;
  /**
   * Lets time go on, event by event, with all that follows from one at once done before the next.
   * @returns "done" once `until` holds, "idle" once nothing is to happen any more, "late" where `limit` was reached before
   */
  run(options?: RunOptions): Promise<"done" | "idle" | "late">;
  /** How many events have happened. */
  readonly events: number;
  /** How many things a process waits for: timers, answers, deliveries. */
  waitingFor(owner: EventOwner): number;
}

/** How far time goes on. */
export interface RunOptions {
  /** Asked before each event. */
  readonly until?: () => boolean;
  /** True time, ms: what is to happen later stays for the next run. Default: no limit */
  readonly untilMs?: number;
  /** The most events. Default: 1,000,000, by which something surely runs in circles */
  readonly maxEvents?: number;
}

/** One thing to happen. */
interface Event {
  atMs: number;
  /** Orders what happens at the same time. */
  readonly tie: number;
  readonly order: number;
  action: (() => void) | undefined;
  readonly owner: EventOwner | undefined;
}

/** How many events are handed to the event loop at a time. */
const batch = 64;

/** Makes virtual time. @param seed orders what happens at the same moment */
export function createScheduler(seed: number): Scheduler {
  const heap = createHeap<Event>((one, other) =>
    one.atMs !== other.atMs
      ? one.atMs < other.atMs
      : one.tie !== other.tie
        ? one.tie < other.tie
        : one.order < other.order,
  );
  let nowMs = 0;
  let order = 0;
  let events = 0;

  /** The next event that is to happen, with those that no longer are dropped. */
  function next(): Event | undefined {
    for (let event = heap.peek(); event !== undefined; event = heap.peek()) {
      const { owner } = event;
      if (event.action === undefined || owner?.alive === false) {
        heap.pop();
      } else if (owner !== undefined && owner.stalledUntilMs > event.atMs) {
        heap.pop();
        event.atMs = owner.stalledUntilMs;
        heap.push(event);
      } else {
        return event;
      }
    }
    return undefined;
  }

  return {
    now: () => nowMs,
    get events() {
      return events;
    },
    waitingFor: (owner) => heap.count((event) => event.owner === owner && event.action !== undefined),
    after(ms, action, owner) {
      const atMs = nowMs + Math.max(0, ms);
      const event: Event = { atMs, tie: mix(seed, order), order: order++, action, owner };
      heap.push(event);
      return () => {
        event.action = undefined;
      };
    },
    run({ until, untilMs = Number.POSITIVE_INFINITY, maxEvents = 1_000_000 } = {}) {
      return new Promise((resolve, reject) => {
        let over = false;
        const most = events + maxEvents;
        function end(how: "done" | "idle" | "late"): void {
          over = true;
          resolve(how);
        }
        function step(): void {
          if (over) {
            return;
          }
          try {
            if (until?.() === true) {
              end("done");
              return;
            }
            const event = next();
            if (event === undefined) {
              nowMs = Number.isFinite(untilMs) ? Math.max(nowMs, untilMs) : nowMs;
              end("idle");
              return;
            }
            if (event.atMs > untilMs || events >= most) {
              nowMs = Math.max(nowMs, Math.min(event.atMs, untilMs));
              end("late");
              return;
            }
            heap.pop();
            nowMs = event.atMs;
            events++;
            event.action?.();
          } catch (error) {
            over = true;
            reject(error);
          }
        }
        // Node drains the microtasks between two immediates of one turn, which is all that the engine waits with, at a
        // fraction of what a turn of the loop for each event would cost.
        function turn(): void {
          if (!over) {
            for (let n = 0; n < batch; n++) {
              setImmediate(step);
            }
            setImmediate(turn);
          }
        }
        turn();
      });
    },
  };
}

function mix(seed: number, order: number): number {
  let hash = (seed ^ Math.imul(order + 1, 0x9e3779b1)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
