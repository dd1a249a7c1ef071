import type { Answer, Awaitable } from "protosaga/upstream";
import type { Place } from "./place.js";

/** How a call is made. */
export interface CallOptions {
  readonly request?: string;
  readonly method?: string;
  /** What the handler does after its effect: throws, or waits. Default: nothing. */
  readonly after?: () => Awaitable<unknown>;
  readonly compensateOnFailure?: boolean;
  readonly retriable?: boolean;
}

/** Calls a place as a saga's engine would: `act("a/s")` and `undo("a/s")`. */
export interface Caller {
  act(key: string, options?: CallOptions): Promise<Answer>;
  /** @param key the action's */
  undo(key: string, options?: CallOptions): Promise<Answer>;
  /** How often handlers were run. */
  readonly runs: () => number;
}

/** Makes a caller. The responses of handlers that ran tell which run they are of, so that a stored one is known. */
export function createCaller<Tx>(place: Pick<Place<Tx>, "barrier" | "note">): Caller {
  let runs = 0;

  async function call(key: string, kind: "do" | "undo", options: CallOptions): Promise<Answer> {
    const { request = "request", method = `/s/${kind}`, after = () => {}, compensateOnFailure, retriable } = options;
    const direction = kind === "do" ? "action" : "compensation";
    const about = { key, method, request: Buffer.from(request), direction, compensateOnFailure, retriable } as const;
    const answer = await place.barrier.call(about, (tx) => {
      const run = ++runs;
      const wrote = place.note(tx, { key, kind });
      const response = Buffer.from(`run ${run}`);
      // A synchronous driver's handler may give no promise.
      return next(wrote, () => next(after(), () => response));
    });
    // Bytes of one class, so that answers can be compared.
    return answer.ok
      ? { ...answer, response: Buffer.from(answer.response) }
      : { ...answer, details: Buffer.from(answer.details) };
  }

  return {
    act: (key, options = {}) => call(key, "do", options),
    undo: (key, options = {}) => call(`${key}/compensate`, "undo", options),
    runs: () => runs,
  };
}

function next<Result>(value: unknown, go: () => Awaitable<Result>): Awaitable<Result> {
  return value instanceof Promise ? value.then(go) : go();
}

/** An answer in short: `OK run 1`, `NOT_FOUND`-like codes by number with the message. */
export function told(answer: Answer): string {
  return answer.ok ? `OK ${Buffer.from(answer.response)}` : `${answer.code} ${answer.message}`;
}
