import type { StatusCode } from "../core/status.js";

/** One call of an upstream. */
export interface UpstreamCall {
  /** "pb.OrderService" */
  readonly service: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  readonly body: Uint8Array;
  /** The deadline of the attempt, ms from now. */
  readonly timeoutMs: number;
  /** Sent as `x-request-id`. */
  readonly sagaId: string;
  /** The same for every attempt, also after a crash. */
  readonly idempotencyKey: string;
  /** The step is past its saga's pivot and is repeated until it succeeds. Sent as `saga-retriable`. */
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

/** Time and randomness, so that a simulator can own them. */
export interface Clock {
  /** The wall clock, ms since the Unix epoch. */
  now(): number;
  /** Runs the action once, in so many ms. @returns a function that cancels it */
  after(ms: number, action: () => void): () => void;
  /** From 0 up to but not including 1. */
  random(): number;
}

/** The longest delay of a Node timer, ms. */
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

/** The engine's own timers: none of a stopped engine fires. */
export class Timers implements Pick<Clock, "after" | "random"> {
  readonly #clock: Clock;
  readonly #waiting = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  after(ms: number, action: () => void): () => void {
    if (this.#stopped) {
      return () => {};
    }
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(cancel);
      action();
    });
    this.#waiting.add(cancel);
    return () => {
      this.#waiting.delete(cancel);
      cancel();
    };
  }

  random(): number {
    return this.#clock.random();
  }

  /** Cancels all timers, and starts no more. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting) {
      cancel();
    }
    this.#waiting.clear();
  }
}

/** Where the engine reports what an operator should know. pino fits. */
export interface Log {
  debug(about: object, message: string): void;
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
  error(about: object, message: string): void;
}

/** A saga, as lifecycle hooks see it. */
export interface SagaRef {
  readonly sagaId: string;
  /** "pb.BookingService/HandleSyncBooking" */
  readonly facade: string;
}

/** One attempt of a step or compensation. */
export interface AttemptRef extends SagaRef {
  /** The step's name. */
  readonly step: string;
  readonly kind: "step" | "compensation";
  /** 1 for the first one. */
  readonly attempt: number;
}

/**
 * Receives the life of sagas on this server, for metrics and traces. The functions run in the saga's loop: they must be
 * quick and must not throw. They are not durable: what happens while no server runs, or just before a crash, is not
 * reported, and after a crash an end may be reported again. The completion topic reports each end at least once.
 */
export interface SagaHooks {
  /** A new saga is in the journal. Not called when a saga is recovered. */
  readonly sagaStarted?: ((saga: SagaRef) => void) | undefined;
  /** A saga has ended. */
  readonly sagaEnded?: ((saga: SagaRef & { readonly outcome: "completed" | "compensated" }) => void) | undefined;
  /** A saga is STUCK: the compensations of these steps used up their attempts. */
  readonly sagaStuck?: ((saga: SagaRef & { readonly steps: readonly string[] }) => void) | undefined;
  /** A call of an upstream leaves. */
  readonly attemptStarted?: ((attempt: AttemptRef) => void) | undefined;
  /** A call of an upstream has ended, with its gRPC status (0: OK) and how long it took, ms. */
  readonly attemptEnded?:
    | ((attempt: AttemptRef & { readonly status: StatusCode; readonly durationMs: number }) => void)
    | undefined;
}
