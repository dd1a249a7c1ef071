import type { SagaEvent } from "../../runtime/core/event.js";
import { isOutcomeUnknown } from "../../runtime/core/status.js";
import type { Violate } from "./book.js";
import { isCommitted, isInDoubt, mustUndo, type SagaBook, type StepBook } from "./book.js";

/** Judges an event that has become durable against what was durable before it. */
export function judgeEvent(book: SagaBook, event: SagaEvent, violate: Violate): void {
  const step = "step" in event ? book.steps[event.step] : undefined;
  if (event.kind === "rollback-delivered" && book.turnedBack === undefined) {
    violate("no rollback without a reason", `${book.id} is rolled back, and nothing turned it back`);
  }
  if (step === undefined) {
    return;
  }
  const name = `${book.id}/${step.step.name}`;
  switch (event.kind) {
    case "step-called":
      judgeCall(book, step, event.attempt, (what) => violate("retries", `${name}: ${what}`));
      if (book.turnedBack !== undefined) {
        violate("no way forward once turned back", `${name} is called after ${book.turnedBack.kind}`);
      }
      return;
    case "step-failed":
      judgeFailure(book, step, event, (what) => violate("unknown is not failed", `${name}: ${what}`));
      return;
    case "compensation-called":
      judgeUndo(book, step, violate);
      return;
    case "compensation-failed":
      if (event.decision === "stuck") {
        const failures = step.undoFailures + 1;
        const most = step.step.compensation?.retry.maxAttempts ?? 0;
        if (failures < most) {
          violate("compensations are tried", `${name}: STUCK after ${failures} of ${most} attempts`);
        }
      }
      if (event.decision === "undone" && step.status === "done") {
        violate("undone", `${name} was done, and an upstream that knows of nothing has not undone it`);
      }
      return;
  }
}

function judgeCall(book: SagaBook, step: StepBook, attempt: number, wrong: (what: string) => void): void {
  const { kind, retry, idempotent } = step.step;
  if (attempt <= step.lastAttempt) {
    wrong(`attempt ${attempt} after attempt ${step.lastAttempt}`);
  }
  if (step.status === "calling") {
    wrong("it is called again while its call is under way");
  }
  if (step.status === "done") {
    wrong("it is called again after it was done");
  }
  const before = book.steps.filter((other) => other.step.group < step.step.group);
  if (before.some(({ status }) => status !== "done")) {
    wrong("it is called before the groups before it are done");
  }
  if (kind === "pivot" || kind === "retriable" || step.intents === 0) {
    return;
  }
  if (step.status === "refused") {
    wrong("it is tried again after it was refused");
  }
  if (!idempotent) {
    wrong("it is tried again and may not be");
  }
  if (step.failures >= retry.maxAttempts) {
    wrong(`attempt ${attempt} after ${step.failures} failures, ${retry.maxAttempts} are allowed`);
  }
}

function judgeFailure(
  book: SagaBook,
  step: StepBook,
  { failure, decision }: Extract<SagaEvent, { kind: "step-failed" }>,
  wrong: (what: string) => void,
): void {
  const lost = !failure.beforeCall && isOutcomeUnknown(failure.code);
  if (decision === "retry" && !lost && !isCommitted(book)) {
    wrong("a definite failure is tried again");
  }
  if (decision === "failed" && lost) {
    wrong(`status ${failure.code} is taken for a definite failure`);
  }
  const { kind, idempotent, retry } = step.step;
  if (decision !== "retry" && isCommitted(book) && book.turnedBack === undefined) {
    wrong("it is given up after the pivot");
  }
  if (decision !== "retry" && lost && book.turnedBack === undefined) {
    if (kind === "pivot") {
      wrong("a pivot is given up while it may have succeeded");
    } else if (idempotent && step.failures + 1 < retry.maxAttempts) {
      wrong(`it is given up after ${step.failures + 1} failures of ${retry.maxAttempts}`);
    }
  }
}

function judgeUndo(book: SagaBook, step: StepBook, violate: Violate): void {
  const name = `${book.id}/${step.step.name}`;
  if (isCommitted(book) || isInDoubt(book)) {
    violate("nothing is undone after the pivot", `${name} is compensated`);
  }
  if (!book.rollbackDelivered) {
    violate("rollback by its topic", `${name} is compensated before the rollback's message came`);
  }
  if (!mustUndo(step)) {
    violate("only what may have happened is undone", `${name} is ${step.status} and is compensated`);
  }
  if (step.undo === "undone") {
    violate("undone once", `${name} is compensated again after it was undone`);
  }
  const { retry } = step.step.compensation ?? { retry: { maxAttempts: 0 } };
  if (step.undoFailures >= retry.maxAttempts) {
    violate("compensations are tried", `${name}: called after ${step.undoFailures} failures of ${retry.maxAttempts}`);
  }
  for (const other of book.steps) {
    const later = other.step.group > step.step.group;
    if (other.step.group >= step.step.group && other.status === "calling") {
      violate("reverse order", `${name} is compensated while ${other.step.name} is being called`);
    }
    if (later && mustUndo(other) && other.undo !== "undone") {
      violate("reverse order", `${name} is compensated before ${other.step.name}, whose compensation is ${other.undo}`);
    }
  }
}
