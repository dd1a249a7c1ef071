import { Status, type StatusCode } from "../../core/status.js";
import type { UpstreamCall, UpstreamOutcome, Upstreams } from "../../engine/ports.js";
import { never, type Process } from "./process.js";
import type { Scheduler } from "./scheduler.js";

/** An attempt of a call, as it leaves a process. */
export interface Attempt extends UpstreamCall {
  /** Counts the attempts with this idempotency key, by any process, from 1. */
  readonly nth: number;
  readonly from: Process;
}

/** What the network does to an attempt. All of it is optional: by default all goes well, in a millisecond each way. */
export interface Travel {
  /** How long the request is on its way, ms; "lost": it never arrives. It may arrive long after the caller gave up. */
  readonly requestMs?: number | "lost";
  /** How long the answer is on its way, ms; "lost": it never does. */
  readonly answerMs?: number | "lost";
  /** The request arrives once more, so many ms after it left; the answer to that one is lost. */
  readonly againMs?: number;
  /** What the caller gets, and when (ms after the request left), instead of any answer: a broken connection. */
  readonly broken?: { readonly afterMs: number; readonly code: StatusCode; readonly message: string };
}

/** A call as a service sees it. */
export interface Arrived {
  readonly attempt: Attempt;
  /** Whether it is the network's copy of a request that arrived, or will, as well. */
  readonly copy: boolean;
}

/** What stands behind the network. Its effects are atomic. */
export type Service = (arrived: Arrived) => UpstreamOutcome;

/** The network between processes and services. */
export interface Network {
  /** What a process has as its upstreams. */
  connect(process: Process): Upstreams;
  /** All attempts in the order in which they left. */
  readonly left: readonly Attempt[];
  /** All arrivals in their order. */
  readonly arrived: readonly Arrived[];
  /** How many requests are on their way. */
  readonly onTheWay: number;
}

/** What a network is made of. */
export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly service: Service;
  /** Default: all goes well. */
  readonly travel?: (attempt: Attempt) => Travel;
  /** Told when the caller learns how an attempt ended. */
  readonly told?: (attempt: Attempt, outcome: UpstreamOutcome) => void;
}

const usualMs = 1;

/** Makes a network. */
export function createNetwork({ scheduler, service, travel = () => ({}), told }: NetworkOptions): Network {
  const attempts = new Map<string, number>();
  const left: Attempt[] = [];
  const arrived: Arrived[] = [];
  let onTheWay = 0;

  function arrive(attempt: Attempt, copy: boolean): UpstreamOutcome {
    const arrival = { attempt, copy };
    onTheWay--;
    arrived.push(arrival);
    return service(arrival);
  }

  function send(process: Process, call: UpstreamCall): Promise<UpstreamOutcome> {
    const { idempotencyKey: key } = call;
    if (!process.cross("upstream.call", "before", key)) {
      return never();
    }
    const nth = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, nth);
    const attempt: Attempt = { ...call, nth, from: process };
    left.push(attempt);
    const { requestMs = usualMs, answerMs = usualMs, againMs, broken } = travel(attempt);
    return new Promise((resolve) => {
      let over = false;
      const tell = (outcome: UpstreamOutcome) => {
        if (!over && process.cross("upstream.call", "after", key)) {
          over = true;
          cancelTimeout();
          told?.(attempt, outcome);
          resolve(outcome);
        }
      };
      const cancelTimeout = process.after(call.timeoutMs, () =>
        tell({ ok: false, code: Status.DEADLINE_EXCEEDED, message: `no answer within ${call.timeoutMs} ms` }),
      );
      if (broken !== undefined) {
        const { afterMs, code, message } = broken;
        process.after(afterMs, () => tell({ ok: false, code, message }));
      }
      // What is on its way belongs to no process: it arrives, whatever becomes of the one that sent it.
      onTheWay += (requestMs === "lost" ? 0 : 1) + (againMs === undefined ? 0 : 1);
      if (requestMs !== "lost") {
        scheduler.after(requestMs, () => {
          const outcome = arrive(attempt, false);
          if (answerMs !== "lost" && broken === undefined) {
            scheduler.after(answerMs, () => process.after(0, () => tell(outcome)));
          }
        });
      }
      if (againMs !== undefined) {
        scheduler.after(againMs, () => void arrive(attempt, true));
      }
    });
  }

  return {
    left,
    arrived,
    get onTheWay() {
      return onTheWay;
    },
    connect: (process) => ({ call: (call) => send(process, call), close() {} }),
  };
}
