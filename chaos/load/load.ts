import { pause } from "../faults/fault.js";
import { bookingOf } from "./booking.js";
import { beginHistory, type History, type Reach, runClients } from "./clients.js";

/** A running load. */
export interface Load {
  /** All bookings so far. */
  readonly histories: readonly History[];
  /** Starts no more bookings; resolves when each client has its answer or stopped waiting. */
  stop(): Promise<void>;
}

/** The most open bookings. While all servers are down, no more are started. */
const maxOpen = 100;

/** Starts `rate` bookings a second until stopped. */
export function startLoad(seed: string, rate: number, reach: Reach): Load {
  const histories: History[] = [];
  const open = new Set<Promise<void>>();
  const stopping = new AbortController();
  const began = Date.now();

  async function book(): Promise<void> {
    for (let n = 0; !stopping.signal.aborted; n++) {
      await pause(began + (n / rate) * 1_000 - Date.now(), stopping.signal);
      if (open.size >= maxOpen) await Promise.race(open);
      if (stopping.signal.aborted) return;
      const history = beginHistory(bookingOf(seed, n, reach.pods.length));
      histories.push(history);
      const clients = runClients(history, reach).finally(() => open.delete(clients));
      open.add(clients);
    }
  }

  const booked = book();
  return {
    histories,
    async stop() {
      stopping.abort();
      await booked;
      await Promise.all(open);
    },
  };
}
