import type { ListedFacade, PlannedFacade, PlannedStep } from "../model.js";
import { formatMs } from "./durations.js";
import type { Report } from "./report.js";

/**
 * Warns about a deadline that is shorter than the worst case of the steps up to the pivot: each attempt takes its full
 * timeout and each backoff its maximum. A parallel group takes as long as its longest step.
 */
export function checkDeadline(report: Report, listed: ListedFacade, facade: PlannedFacade): void {
  const { deadlineMs } = facade;
  const worst = worstMs(facade.steps);
  if (deadlineMs !== undefined && listed.deadline && deadlineMs < worst) {
    const wrong = `the deadline of ${facade.rpc.fullName} is ${formatMs(deadlineMs)}, but its steps may take ${formatMs(worst)}`;
    const fix = "raise the deadline, or lower timeouts and retries, unless slow sagas are to be rolled back";
    report("SAGA_DEADLINE_SHORT", listed.deadline.place, `${wrong} with all attempts and backoffs; ${fix}`);
  }
}

function worstMs(steps: readonly PlannedStep[]): number {
  const groups = new Map<number, number>();
  for (const step of steps.filter((step) => step.kind !== "retriable")) {
    groups.set(step.group, Math.max(groups.get(step.group) ?? 0, stepMs(step)));
  }
  return [...groups.values()].reduce((sum, ms) => sum + ms, 0);
}

function stepMs({ timeoutMs, retry }: PlannedStep): number {
  let total = timeoutMs;
  let wait = retry.initialBackoffMs;
  for (let attempt = 2; attempt <= retry.maxAttempts; attempt++) {
    total += Math.min(wait, retry.maxBackoffMs) + timeoutMs;
    wait *= retry.multiplier;
  }
  return Math.ceil(total);
}
