const compensationSuffix = "/compensate";

/** The longest idempotency key that is taken, in bytes: an index must hold it. */
export const longestKey = 1024;

/**
 * The key of the action that a compensation of this key undoes: `a/createOrder` for `a/createOrder/compensate`. Read from
 * the end: a saga's id may hold any number of slashes.
 * @returns undefined where the key is none of a saga's compensation
 */
export function actionKeyOf(key: string): string | undefined {
  return key.endsWith(compensationSuffix) && key.length > compensationSuffix.length
    ? key.slice(0, -compensationSuffix.length)
    : undefined;
}
