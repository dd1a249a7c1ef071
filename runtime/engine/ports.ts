import type { StatusCode } from "../core/status.js";

/** One call of an upstream. */
export interface UpstreamCall {
  /** "pb.OrderService" */
  readonly service: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  readonly body: Uint8Array;
  /** When the attempt is given up, ms from now. */
  readonly timeoutMs: number;
  /** Goes along as `x-request-id`. */
  readonly sagaId: string;
  /** The same for every attempt, also after a crash. */
  readonly idempotencyKey: string;
  /** It stands past its saga's pivot, and is repeated until it succeeds. Goes along as `saga-retriable`. */
  readonly retriable: boolean;
  /** The saga's W3C trace context. */
  readonly traceparent: string;
}

/** How a call ended. */
export type UpstreamOutcome =
  | { readonly ok: true; readonly body: Uint8Array }
  | { readonly ok: false; readonly code: StatusCode; readonly message: string };

/** What calls upstreams. */
export interface Upstreams {
  /** Never rejects: a call that can't be made ends as a failure, too. */
  call(call: UpstreamCall): Promise<UpstreamOutcome>;
  close(): void;
}

/** Time and chance, so that a simulator can own them. */
export interface Clock {
  /** The wall clock, ms since the Unix epoch. */
  now(): number;
  /** Runs the action once, in so many ms. @returns a function that calls it off */
  after(ms: number, action: () => void): () => void;
  /** From 0 up to but not including 1. */
  random(): number;
}

/** Node's timers hold no longer one. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: Date.now,
  after(ms, action) {
    let timer: NodeJS.Timeout;
    const arm = (left: number) => {
      timer = setTimeout(
        () => (left > longestTimerMs ? arm(left - longestTimerMs) : action()),
        Math.min(left, longestTimerMs),
      );
    };
    arm(ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Where the engine says what an operator should know. pino fits. */
export interface Log {
  debug(about: object, message: string): void;
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
  error(about: object, message: string): void;
}
