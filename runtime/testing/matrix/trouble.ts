import { Status } from "../../core/status.js";
import type { UpstreamOutcome } from "../../engine/ports.js";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import { type Business, isCompensation } from "../world/ledger.js";
import type { Attempt, Travel } from "../world/upstreams.js";
import { beyondPolicy, type Fault, isForwardOnly, isOfCompensation, isPastPivot, refusedAfter } from "./fault.js";

/** The saga that each case runs. */
export const sagaId = "fault-matrix";

/** What the network and the upstreams do. */
export interface Trouble {
  readonly travel: (attempt: Attempt) => Travel;
  /** Whether an upstream refuses; undefined where it does its work. */
  readonly refuses: (arrived: Parameters<Business>[0]) => UpstreamOutcome | undefined;
}

/** How long an answer takes of a step that others run beside, ms: the step that the fault comes to is answered before. */
const besideMs = 10;

/** How long it takes where that one is to be answered last. */
const lastMs = 20;

/** How long a request that comes too late is on its way, ms: a day, by when all is over. */
const lateMs = 86_400_000;

/** No trouble at all. */
export const noTrouble: Trouble = { travel: () => ({}), refuses: () => undefined };

/** What a fault is to the network and the upstreams. */
export function troubleOf(facade: FacadeDefinition, step: StepDefinition, fault: Fault): Trouble {
  const action = `${sagaId}/${step.name}`;
  const undo = `${action}/compensate`;
  const refused = refusedAfter(facade, step);
  return {
    travel(attempt) {
      const { idempotencyKey: key } = attempt;
      if (key !== action) {
        return isCompensation(key) ? {} : { answerMs: besideMs };
      }
      return travelOf(facade, step, fault, attempt);
    },
    refuses({ attempt: { idempotencyKey: key, nth } }) {
      if (key === undo && isOfCompensation(fault)) {
        return undoRefusal(fault, nth);
      }
      const target = isOfCompensation(fault) ? `${sagaId}/${refused?.name}` : fault === "business error" && action;
      const most = isPastPivot(facade, step) && target === action ? beyondPolicy(step) : Number.POSITIVE_INFINITY;
      return key === target && nth <= most ? refusal("FAILED_PRECONDITION", "refused by the fault matrix") : undefined;
    },
  };
}

function travelOf(facade: FacadeDefinition, step: StepDefinition, fault: Fault, { nth }: Attempt): Travel {
  switch (fault) {
    case "transient then ok":
      return nth === 1 ? unavailable : {};
    case "transient for good":
      return isForwardOnly(facade, step) && nth > beyondPolicy(step) ? {} : unavailable;
    case "timeout before effect":
      return nth === 1 ? { requestMs: "lost" } : {};
    case "timeout after effect":
      return nth === 1 ? { answerMs: "lost" } : {};
    case "crash before the call":
      // It dies before this leaves: the crash comes once the steps beside it rest, which makes no difference to this one.
      return nth === 1 ? { requestMs: "lost" } : {};
    case "crash after the call":
      return nth === 1 ? { answerMs: "lost" } : {};
    case "crash after the journal write":
      return { answerMs: lastMs };
    case "compensation fails once":
    case "compensation fails for good":
      return refusedAfter(facade, step) === undefined ? { answerMs: "lost" } : {};
    case "duplicate delivery":
      return { againMs: 3 };
    case "late arrival":
      return { requestMs: lateMs };
    case "business error":
      return {};
  }
}

const unavailable: Travel = {
  requestMs: "lost",
  broken: { afterMs: 1, code: Status.UNAVAILABLE, message: "made unavailable by the fault matrix" },
};

function undoRefusal(fault: Fault, nth: number): UpstreamOutcome | undefined {
  if (fault === "compensation fails for good") {
    return refusal("FAILED_PRECONDITION", "the compensation is refused by the fault matrix");
  }
  return nth === 1 ? refusal("UNAVAILABLE", "the compensation is made unavailable by the fault matrix") : undefined;
}

function refusal(status: "FAILED_PRECONDITION" | "UNAVAILABLE", message: string): UpstreamOutcome {
  return { ok: false, code: Status[status], message };
}
