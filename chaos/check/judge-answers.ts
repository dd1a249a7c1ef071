import type { Answer } from "../../test/support/book.js";
import { describe, meaningOf } from "../load/answers.js";
import type { History } from "../load/clients.js";
import type { Standing } from "./judge-ledgers.js";
import type { SagaSeen } from "./saga-seen.js";

/** Whether all that clients were told is one, and true. */
export function judgeAnswers({ booking, told, toldOther }: History, seen: SagaSeen, standing: Standing): string[] {
  const found: string[] = [];
  const [mine, others] = [ends(told), ends(toldOther)];
  const different = new Set([...mine, ...others].map(describe));
  if (different.size > 1) found.push(`false: its clients were told different things: ${[...different].join(" | ")}`);
  if (mine.length > 0 && others.length > 0) found.push("false: two different requests under its id were both accepted");
  const refused = mine.length > 0 ? told : toldOther;
  if (refused.some(isTaken)) found.push("false: its own request was told that its id is another's");
  if (booking.habit !== "asks for two things at once" && (others.length > 0 || told.some(isTaken))) {
    found.push("false: another request took an id that was in use");
  }
  for (const answer of [...mine, ...others].slice(0, 1)) {
    found.push(...judgeEnd(answer, booking.id, booking.mode === "async", seen, standing));
  }
  if (seen.state === "COMPLETED" && seen.requestId !== booking.id) found.push(`its response names ${seen.requestId}`);
  if (seen.state === "COMPLETED" && booking.mode !== "async")
    found.push(...judgeIds("the saga's response", seen, standing));
  return found;
}

/** Whether one answer is true. */
function judgeEnd(answer: Answer, id: string, isAsync: boolean, seen: SagaSeen, standing: Standing): string[] {
  if (answer.code === 0) {
    if (answer.requestId !== id) return [`false: its client was answered for ${answer.requestId}`];
    if (isAsync) return []; // Accepted: that it ended is looked at whatever was answered.
    if (seen.state !== "COMPLETED") return [`false: its client was told of success, and it is ${seen.state}`];
    return judgeIds("the client's answer", answer, standing);
  }
  if (isAsync) return [`false: an async saga that began was answered ${describe(answer)}`];
  if (seen.state !== "COMPENSATED") return [`false: its client was told ${describe(answer)}, and it is ${seen.state}`];
  if (seen.code !== answer.code || seen.reason !== answer.info?.reason) {
    return [`false: its client was told ${describe(answer)}; the saga failed with ${seen.code} ${seen.reason}`];
  }
  return [];
}

function judgeIds(who: string, { orderId, paymentId }: Pick<SagaSeen, "orderId" | "paymentId">, standing: Standing) {
  const [order] = standing.order.entries;
  const [payment] = standing.payment.entries;
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
