import type { Awaitable, Work } from "./port.js";

/** Has a step's value waited for, inside {@link Work}: `const row = yield* wait(rows.find(key))`. */
export function* wait<Value>(value: Awaitable<Value>): Generator<Awaitable<Value>, Value, unknown> {
  return (yield value) as Value;
}

/** Runs work whose steps give promises or values. */
export async function runAsync<Result>(work: Work<Result>): Promise<Result> {
  let step = work.next();
  while (!step.done) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = work.throw(error);
      continue;
    }
    step = work.next(value);
  }
  return step.value;
}

/**
 * Runs work whose steps give values, without a break: nothing else of this process can come between.
 * @throws TypeError where a step gives a promise: the transaction would be left open meanwhile
 */
export function runSync<Result>(work: Work<Result>): Result {
  let step = work.next();
  while (!step.done) {
    if (isThenable(step.value)) {
      // Its own failure, if any, is nobody's any more.
      step.value.then(undefined, () => {});
      step = work.throw(new TypeError("a handler returned a promise; with this driver it must be synchronous"));
    } else {
      step = work.next(step.value);
    }
  }
  return step.value;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
