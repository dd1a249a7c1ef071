import { pause } from "../faults/fault.js";
import { bookingOf } from "./booking.js";
import { beginHistory, type History, live, type Reach } from "./clients.js";

/** A load under way. */
export interface Load {
  /** All bookings so far. */
  readonly histories: readonly History[];
  /** No new ones; resolves once every client has what it wants, or no more time. */
  stop(): Promise<void>;
}

/** At most so many bookings at a time: those that find everything down wait, and no more come. */
const mostAtOnce = 100;

/** Books so many times a second until stopped. */
export function startLoad(seed: string, rate: number, reach: Reach): Load {
  const histories: History[] = [];
  const under = new Set<Promise<void>>();
  const stopping = new AbortController();
  const began = Date.now();

  async function book(): Promise<void> {
    for (let n = 0; !stopping.signal.aborted; n++) {
      await pause(began + (n / rate) * 1_000 - Date.now(), stopping.signal);
      if (under.size >= mostAtOnce) await Promise.race(under);
      if (stopping.signal.aborted) return;
      const history = beginHistory(bookingOf(seed, n, reach.pods.length));
      histories.push(history);
      const life = live(history, reach).finally(() => under.delete(life));
      under.add(life);
    }
  }

  const booked = book();
  return {
    histories,
    async stop() {
      stopping.abort();
      await booked;
      await Promise.all(under);
    },
  };
}
