import type { UpstreamOutcome } from "../../runtime/engine/ports.js";
import { actionKey, isCompensation } from "../../runtime/testing/world/ledger.js";
import type { Process } from "../../runtime/testing/world/process.js";
import type { Attempt } from "../../runtime/testing/world/upstreams.js";
import type { Violate } from "./book.js";
import { isCommitted, isInDoubt, type SagaBook, type StepBook } from "./book.js";
import type { SentBody } from "./facades.js";
import { jsonCodec } from "./json-codec.js";
import type { Oracle } from "./oracle.js";

/** Judges each call as it leaves, against what is durable at that moment. */
export interface CallJudge {
  left(attempt: Attempt): void;
  told(attempt: Attempt, outcome: UpstreamOutcome): void;
  /** How many calls of a live process are under way. */
  underWay(process: Process): number;
}

/** Makes one. @param boundOf how many calls of a topic a process may have under way; undefined: no bound */
export function createCallJudge(
  oracle: Oracle,
  boundOf: (topic: string) => number | undefined,
  violate: Violate,
): CallJudge {
  const flying = new Map<Process, Map<string, Attempt>>();
  const of = (process: Process) => {
    const own = flying.get(process) ?? new Map<string, Attempt>();
    flying.set(process, own);
    return own;
  };

  function find({ idempotencyKey, sagaId }: Attempt): { book: SagaBook; step: StepBook } | undefined {
    const book = oracle.books.get(sagaId);
    const step = book?.steps.find((known) => `${sagaId}/${known.step.name}` === actionKey(idempotencyKey));
    return book && step && { book, step };
  }

  function left(attempt: Attempt): void {
    const { idempotencyKey: key, from, body } = attempt;
    const known = find(attempt);
    if (known === undefined) {
      violate("intent before effect", `${key} leaves, and the journal has no such saga`);
      return;
    }
    const { book, step } = known;
    const back = isCompensation(key);
    const count = back ? ++step.undoLeft : ++step.left;
    const intents = back ? step.undoIntents : step.intents;
    if (count > intents) {
      violate("intent before effect", `${key} leaves for the ${count}th time, ${intents} intents are durable`);
    }
    const sent = back ? step.undoSent : step.sent;
    if (sent === undefined || Buffer.compare(sent, body) !== 0) {
      violate("the same request", `${key} bears other bytes than the journal says`);
    }
    if (of(from).has(key)) {
      violate("retries", `${key} leaves while its last attempt is under way in the same process`);
    }
    if (back && of(from).has(actionKey(key))) {
      violate("reverse order", `${key} leaves while its action is under way in the same process`);
    }
    if (!back && !step.step.idempotent && count > 1) {
      violate("retries", `${key} may not be repeated, and leaves for the ${count}th time`);
    }
    of(from).set(key, attempt);
    judgeBody(book, step, back, body);
    judgeTimeout(book, step, attempt, back);
    judgeBound(book, step, from, back);
  }

  /** What nodes were shown: all that has surely finished before, and nothing else. */
  function judgeBody(book: SagaBook, step: StepBook, back: boolean, bytes: Uint8Array): void {
    const body = jsonCodec.decode(bytes) as SentBody;
    const expected = book.steps.filter((other) => other.step.group < step.step.group).map((other) => other.step.name);
    if (JSON.stringify(body.seen) !== JSON.stringify(expected.sort())) {
      violate("nodes see what has finished", `${book.id}/${step.step.name} was shown ${body.seen}, not ${expected}`);
    }
    if (back && body.received === true && step.status !== "done") {
      violate("nodes see what has finished", `${book.id}/${step.step.name}: a response is shown that nobody has`);
    }
    if (back && body.received === false && step.status === "done") {
      violate("nodes see what has finished", `${book.id}/${step.step.name}: its response is not shown`);
    }
  }

  function judgeTimeout(book: SagaBook, step: StepBook, { timeoutMs, from }: Attempt, back: boolean): void {
    const own = back ? step.step.compensation?.timeoutMs : step.step.timeoutMs;
    if (timeoutMs > (own ?? 0)) {
      violate("deadlines", `${book.id}/${step.step.name} may take ${timeoutMs} ms, its timeout is ${own}`);
    }
    const { deadlineAtMs } = book;
    // A clock that has jumped, or a process that stood still, says now what it did not when the call was decided on.
    if (
      !back &&
      from.skewMs === 0 &&
      from.stalledUntilMs === 0 &&
      deadlineAtMs !== undefined &&
      !isCommitted(book) &&
      !isInDoubt(book)
    ) {
      const leftMs = deadlineAtMs - from.clock.now();
      if (timeoutMs > Math.max(1, leftMs) + 1) {
        violate("deadlines", `${book.id}/${step.step.name} may take ${timeoutMs} ms, the saga has ${leftMs}`);
      }
    }
  }

  function judgeBound(book: SagaBook, step: StepBook, from: Process, back: boolean): void {
    const topic = book.facade.topics.steps[book.steps.indexOf(step)];
    const bound = back || topic === undefined ? undefined : boundOf(topic);
    if (bound === undefined) {
      return;
    }
    const same = [...of(from).values()].filter(({ path, idempotencyKey }) => {
      return path === step.step.path && !isCompensation(idempotencyKey);
    });
    if (same.length > bound) {
      violate("topics bound their steps", `${same.length} calls of ${topic} are under way, ${bound} may be`);
    }
  }

  return {
    left,
    told(attempt) {
      const own = of(attempt.from);
      if (own.get(attempt.idempotencyKey) === attempt) {
        own.delete(attempt.idempotencyKey);
      }
    },
    underWay: (process) => of(process).size,
  };
}
