import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { type Answer, Refusal, Status } from "protosaga/upstream";
import { expect } from "vitest";
import { type Caller, summary } from "./caller.js";
import type { Effect } from "./place.js";

/** A call that arrives, and what its handler would do if it were run. */
export interface Delivery {
  readonly kind: "act" | "undo";
  readonly saga: number;
  readonly handler: "succeeds" | "refuses" | "fails";
  /** How long the handler takes after its effect, ms. */
  readonly delayMs: number;
}

/** Calls that arrive in batches, at the same time within a batch: duplicates, late ones, reordered ones. */
export const anyDeliveries: fc.Arbitrary<Delivery[][]> = fc.array(
  fc.array(
    fc.record({
      kind: fc.constantFrom("act", "undo"),
      saga: fc.nat(1),
      handler: fc.constantFrom("succeeds", "succeeds", "succeeds", "refuses", "fails"),
      delayMs: fc.nat(3),
    }),
    { minLength: 1, maxLength: 5 },
  ),
  { minLength: 1, maxLength: 5 },
);

/** What was answered, by saga and direction. */
export interface Answers {
  readonly act: string[];
  readonly undo: string[];
}

/** Makes the calls. @param lost returns a promise that settles if the awaited answers are lost */
export async function deliver(
  batches: readonly (readonly Delivery[])[],
  caller: Caller,
  keyOf: (saga: number) => string,
  { sync, lost = () => new Promise(() => {}) }: { readonly sync: boolean; readonly lost?: () => Promise<unknown> },
): Promise<Map<string, Answers>> {
  const answers = new Map<string, Answers>();
  for (const batch of batches) {
    await Promise.all(
      batch.map(async ({ kind, saga, handler, delayMs }) => {
        const key = keyOf(saga);
        const about = answers.get(key) ?? { act: [], undo: [] };
        answers.set(key, about);
        const end = () => {
          if (handler === "refuses") throw new Refusal("FAILED_PRECONDITION", "no");
          if (handler === "fails") throw new Error("bug");
        };
        const after = sync || delayMs === 0 ? end : () => sleep(delayMs).then(end);
        const dead = lost();
        const call = caller[kind](key, { after }).catch((error: unknown) => {
          expect(error).toMatchObject({ message: "bug" });
        });
        const answer = await Promise.race([call, dead]);
        if (isKept(kind, answer)) about[kind].push(summary(answer));
      }),
    );
  }
  return answers;
}

/** Whether an answer is stored for the key: not that of a bug, nor a compensation's refusal. */
function isKept(kind: Delivery["kind"], answer: unknown): answer is Answer {
  const known = answer as Answer | undefined;
  return known !== undefined && (known.ok || kind === "act" || known.code === Status.NOT_FOUND);
}

/** Checks that the answers are true, and that each action took effect exactly once or was compensated. */
export function checkBooks(answers: ReadonlyMap<string, Answers>, effects: readonly Effect[]): void {
  for (const [key, { act, undo }] of answers) {
    const done = effects.filter((effect) => effect.key === key).length;
    const undone = effects.filter((effect) => effect.key === `${key}/compensate`).length;
    const about = JSON.stringify({ key, act, undo, done, undone });
    expect(new Set(act).size, `one answer for the action: ${about}`).toBeLessThanOrEqual(1);
    expect(new Set(undo).size, `one answer for the compensation: ${about}`).toBeLessThanOrEqual(1);
    expect(done, `once: ${about}`).toBeLessThanOrEqual(1);
    expect(undone, `compensated at most once, and only after an effect: ${about}`).toBeLessThanOrEqual(done);
    if (act[0] !== undefined) expect(act[0].startsWith("OK"), `the action's answer is true: ${about}`).toBe(done === 1);
    if (undo[0] !== undefined) expect(done, `no effect is left after its compensation: ${about}`).toBe(undone);
    if (undo[0]?.startsWith("OK")) expect(undone, `compensated: ${about}`).toBe(1);
  }
}
