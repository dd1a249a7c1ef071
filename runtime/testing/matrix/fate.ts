import type { StatusName } from "../../core/status.js";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import { attemptsOf, beyondPolicy, type Fault, isForwardOnly, isPastPivot, refusedAfter } from "./fault.js";

/** What becomes of one step's call. */
export interface Fate {
  /** How often the call leaves. */
  readonly attempts: number;
  /** "refused": definitely. "unknown": given up, and it may have taken effect. */
  readonly end: "done" | "refused" | "unknown";
  /** Whether the upstream holds the effect. */
  readonly effect: boolean;
  /** The status that the client gets if the step did not end well. "interrupted": the server crashed. */
  readonly status?: StatusName | "interrupted";
  /** The step is done, and the saga turns back all the same, after this one's group: a crash interrupted it. */
  readonly interrupted?: true;
}

const done: Fate = { attempts: 1, end: "done", effect: true };

/** What becomes of the step that a fault comes to: the rules of docs/explanation/semantics.md, for one step. */
export function fateOf(facade: FacadeDefinition, step: StepDefinition, fault: Fault): Fate {
  const attempts = attemptsOf(step);
  switch (fault) {
    case "business error":
      return isPastPivot(facade, step)
        ? { ...done, attempts: beyondPolicy(step) + 1 }
        : { attempts: 1, end: "refused", effect: false, status: "FAILED_PRECONDITION" };
    case "transient then ok":
      return retriedOnce(facade, step, { effect: false, status: "UNAVAILABLE" });
    case "transient for good":
      return isForwardOnly(facade, step)
        ? { ...done, attempts: beyondPolicy(step) + 1 }
        : { attempts, end: "unknown", effect: false, status: "UNAVAILABLE" };
    case "timeout before effect":
      return retriedOnce(facade, step, { effect: false, status: "DEADLINE_EXCEEDED" });
    case "timeout after effect":
      return retriedOnce(facade, step, { effect: true, status: "DEADLINE_EXCEEDED" });
    case "crash before the call":
      return calledAgain(facade, step) ? done : { attempts: 0, end: "unknown", effect: false, status: "interrupted" };
    case "crash after the call":
      return calledAgain(facade, step)
        ? { ...done, attempts: 2 }
        : { attempts: 1, end: "unknown", effect: true, status: "interrupted" };
    case "crash after the journal write":
      return goesOn(facade, step) ? done : { ...done, status: "interrupted", interrupted: true };
    case "compensation fails once":
    case "compensation fails for good":
      return refusedAfter(facade, step) === undefined
        ? { attempts, end: "unknown", effect: true, status: "DEADLINE_EXCEEDED" }
        : done;
    case "duplicate delivery":
      return done;
    case "late arrival":
      return { attempts, end: "unknown", effect: false, status: "DEADLINE_EXCEEDED" };
  }
}

/** The first attempt is lost: a second one is made where the step may be repeated and the policy has one left. */
function retriedOnce(facade: FacadeDefinition, step: StepDefinition, lost: Pick<Fate, "effect" | "status">): Fate {
  const again = isForwardOnly(facade, step) || attemptsOf(step) > 1;
  return again ? { ...done, attempts: 2 } : { attempts: 1, end: "unknown", ...lost };
}

/** Whether a restart calls a step again that was being called: it goes forward, or is carried on and may be repeated. */
function calledAgain(facade: FacadeDefinition, step: StepDefinition): boolean {
  return isForwardOnly(facade, step) || (facade.recovery === "carry-on" && step.idempotent);
}

/** Whether a restart goes on from a step that is done. An async saga ends with its last step; others still have to answer. */
function goesOn(facade: FacadeDefinition, step: StepDefinition): boolean {
  const last = facade.steps.every(({ group }) => group <= step.group);
  return isForwardOnly(facade, step) || facade.recovery === "carry-on" || (facade.mode === "async" && last);
}
