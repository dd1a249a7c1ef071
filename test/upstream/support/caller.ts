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

/** Creates a caller. Each response names the run of its handler, so that tests recognize a stored response. */
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

/** An answer as text: `OK run 1`, or the number of the code and the message. */
export function summary(answer: Answer): string {
  return answer.ok ? `OK ${Buffer.from(answer.response)}` : `${answer.code} ${answer.message}`;
}
