import type { Call, Expected, ExpectedAnswer, Stage } from "./expected.js";
import type { Seen } from "./seen.js";

/** Expected and seen beside each other: a call of either, or none. */
export interface Row {
  readonly expected: string;
  readonly seen: string;
}

/** The rows in which two lists of calls differ are those whose texts do. */
export function compareCalls(stages: readonly Stage[], seen: readonly Call[]): Row[] {
  const rows: Row[] = [];
  let at = 0;
  for (const stage of stages) {
    const length = stage.reduce((sum, chain) => sum + chain.length, 0);
    const slice = seen.slice(at, at + length).map(text);
    const wanted = inOrderOf(stage, slice);
    rows.push(...wanted.map((expected, n) => ({ expected, seen: slice[n] ?? "" })));
    at += length;
  }
  return [...rows, ...seen.slice(at).map((call) => ({ expected: "", seen: text(call) }))];
}

/** A stage's calls in the order in which they were seen, as far as its chains allow that; what was not seen comes last. */
function inOrderOf(stage: Stage, seen: readonly string[]): string[] {
  const chains = stage.map((chain) => chain.map(text));
  const taken: string[] = [];
  for (const call of seen) {
    const chain = chains.find(([next]) => next === call);
    if (chain === undefined) {
      break;
    }
    chain.shift();
    taken.push(call);
  }
  return [...taken, ...chains.flat()];
}

/** What came out otherwise than expected, each as a sentence's part. */
export function compareEnds(expected: Expected, seen: Seen): Row[] {
  return [
    { expected: `the saga is ${expected.state}`, seen: `the saga is ${seen.state}` },
    {
      expected: `the client is told ${answerText(expected.answer)}`,
      seen: `the client is told ${answerText(sameDetail(seen.answer, expected.answer))}`,
    },
    { expected: `left upstream: ${leftText(expected.left)}`, seen: `left upstream: ${leftText(seen.left)}` },
  ];
}

/** A seen answer without the step where the expected one does not say it. */
function sameDetail(seen: ExpectedAnswer | undefined, expected: ExpectedAnswer): ExpectedAnswer | undefined {
  const vague = !expected.ok && expected.step === undefined;
  return seen === undefined || seen.ok || !vague ? seen : { ...seen, step: undefined };
}

/** An answer in words. */
export function answerText(answer: ExpectedAnswer | undefined): string {
  if (answer === undefined) {
    return "nothing";
  }
  return answer.ok ? "OK" : `${answer.status} ${answer.reason}${answer.step === undefined ? "" : ` of ${answer.step}`}`;
}

function leftText(left: readonly string[]): string {
  return left.length === 0 ? "nothing" : left.join(", ");
}

function text({ method, key }: Call): string {
  return `${method}  ${key}`;
}
