import type { LedgerRow } from "../../runtime/testing/world/ledger.js";
import type { SagaRow } from "../../runtime/testing/world/tables.js";
import type { Violate } from "./book.js";
import { mustUndo, type SagaBook } from "./book.js";

/** Judges how a saga has ended: what its upstreams' books say must fit. */
export function judgeEnd(row: SagaRow, book: SagaBook, ledger: ReadonlyMap<string, LedgerRow>, violate: Violate): void {
  const { sagaId, phase, answer } = row;
  if (phase !== "completed" && phase !== "compensated") {
    violate("none is lost", `${sagaId} is still ${phase} when everything has settled`);
    return;
  }
  if (answer === undefined) {
    violate("none is lost", `${sagaId} is ${phase} and has no answer`);
  }
  if (answer?.ok === true && phase !== "completed" && book.facade.mode !== "async") {
    violate("the answer is true", `${sagaId} was answered with success and is ${phase}`);
  }
  if (answer?.ok === false && phase === "completed" && !book.respondFailed) {
    violate("the answer is true", `${sagaId} was answered with a failure and is completed`);
  }
  const numbers = Object.keys(row.records);
  if (numbers.some((number, at) => Number(number) !== at)) {
    violate("one history", `${sagaId} has entries ${numbers}`);
  }
  for (const step of book.steps) {
    const key = `${sagaId}/${step.step.name}`;
    const books = ledger.get(key);
    const net = (books?.effects ?? 0) - (books?.undos ?? 0);
    if ((books?.effects ?? 0) > 1 || (books?.undos ?? 0) > 1) {
      violate("each effect once", `${key} took effect ${books?.effects} times, was undone ${books?.undos} times`);
    }
    if (phase === "completed") {
      if (step.status !== "done" || net !== 1) {
        violate("all or nothing", `${key} is ${step.status} in a completed saga, its upstream says ${books?.state}`);
      }
      continue;
    }
    if (mustUndo(step) && step.undo !== "undone") {
      violate("all or nothing", `${key} is ${step.status}, its compensation ${step.undo}, in a compensated saga`);
    }
    // An operator who declares a compensation done answers for it himself.
    if (step.step.kind !== "read" && net !== 0 && !step.skipped) {
      violate("all or nothing", `${key} has taken effect in a compensated saga; it is ${step.status}`);
    }
  }
}
