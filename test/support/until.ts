/** How long to wait at most, and for what. */
export interface UntilOptions {
  readonly timeoutMs?: number;
  /** Named in the error when the time is up. */
  readonly what?: string;
}

/** Polls until the condition gives something other than undefined or false, and returns it; fails at the deadline. */
export async function until<T>(
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 60_000, what = "the condition" }: UntilOptions = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const result = await condition();
    if (result !== undefined && result !== false) return result;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
