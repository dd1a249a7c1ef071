import type { Answer } from "../../test/support/book.js";
import { describe, meaningOf } from "../load/answers.js";
import type { History } from "../load/clients.js";
import type { SagaEffects } from "./judge-ledgers.js";
import type { SagaSeen } from "./saga-seen.js";

/** Checks that all answers to a saga's clients agree, and that they are true. @returns what is wrong */
export function judgeAnswers(history: History, seen: SagaSeen, effects: SagaEffects): string[] {
  const { booking, answers, otherAnswers } = history;
  const found: string[] = [];
  const [mine, others] = [ends(answers), ends(otherAnswers)];
  const different = new Set([...mine, ...others].map(describe));
  if (different.size > 1) found.push(`false: its clients got different answers: ${[...different].join(" | ")}`);
  if (mine.length > 0 && others.length > 0) found.push("false: two different requests with its id were both accepted");
  const refused = mine.length > 0 ? answers : otherAnswers;
  if (refused.some(isTaken)) found.push("false: its own request was refused as another request with its id");
  if (booking.habit !== "asks for two things at once" && (others.length > 0 || answers.some(isTaken))) {
    found.push("false: another request was accepted with an id that was in use");
  }
  for (const answer of [...mine, ...others].slice(0, 1)) {
    found.push(...judgeAnswer(answer, booking.id, booking.mode === "async", seen, effects));
  }
  if (seen.state === "COMPLETED" && seen.requestId !== booking.id) found.push(`its response names ${seen.requestId}`);
  if (seen.state === "COMPLETED" && booking.mode !== "async")
    found.push(...judgeIds("the saga's response", seen, effects));
  return found;
}

/** Checks one answer. */
function judgeAnswer(answer: Answer, id: string, isAsync: boolean, seen: SagaSeen, effects: SagaEffects): string[] {
  if (answer.code === 0) {
    if (answer.requestId !== id) return [`false: its client got the answer of ${answer.requestId}`];
    if (isAsync) return []; // Accepted. Whether the saga ended is checked for every saga.
    if (seen.state !== "COMPLETED") return [`false: its client got a success, and the saga is ${seen.state}`];
    return judgeIds("the client's answer", answer, effects);
  }
  if (isAsync) return [`false: an async saga that began was answered ${describe(answer)}`];
  if (seen.state !== "COMPENSATED") return [`false: its client got ${describe(answer)}, and the saga is ${seen.state}`];
  if (seen.code !== answer.code || seen.reason !== answer.info?.reason) {
    return [`false: its client got ${describe(answer)}; the saga failed with ${seen.code} ${seen.reason}`];
  }
  return [];
}

function judgeIds(who: string, { orderId, paymentId }: Pick<SagaSeen, "orderId" | "paymentId">, effects: SagaEffects) {
  const [order] = effects.order.entries;
  const [payment] = effects.payment.entries;
  return orderId === order?.id && paymentId === payment?.id
    ? []
    : [`false: ${who} names order ${orderId}, payment ${paymentId}; the ledgers have ${order?.id} and ${payment?.id}`];
}

function ends(answers: readonly Answer[]): readonly Answer[] {
  return answers.filter((answer) => meaningOf(answer) === "end");
}

function isTaken(answer: Answer): boolean {
  return meaningOf(answer) === "taken";
}
