import type { SagaEvent } from "../core/event.js";
import { deadlineFailure } from "../core/forward.js";
import { interrupted } from "../core/recover.js";
import type { SagaFailure } from "../core/state.js";
import { decodeRecord } from "../journal/record.js";

/** What a saga's records tell of its turning back where the facade that they name steps of is not there. */
export interface TurnBack {
  /** Whether an event shows that it is, or was, rolled back. */
  readonly turned: boolean;
  /** Why; undefined while nothing is known to have failed. Steps are numbers there, and have no name here. */
  readonly failure: Omit<SagaFailure, "step"> | undefined;
}

/**
 * Reads the turn back of a saga. One that a restart has turned (SAGA_INTERRUPTED) is seen to be once its rollback has
 * begun or `ended`: that it did turn back follows from the facade's recovery alone. Records that can't be read are
 * passed over.
 * @param ended whether the saga is known to have been rolled back, or to be stuck at it
 */
export function turnBackOf(records: readonly Uint8Array[], ended: boolean): TurnBack {
  let turned = ended;
  let failure: TurnBack["failure"];
  let complete = true;
  for (const record of records) {
    const events = eventsOf(record);
    complete &&= events !== undefined;
    for (const event of events ?? []) {
      turned ||= turns(event);
      failure ??= failureOf(event);
    }
  }
  return { turned, failure: failure ?? (turned && complete ? interrupted : undefined) };
}

function turns(event: SagaEvent): boolean {
  switch (event.kind) {
    case "step-failed":
      return event.decision === "failed" || event.decision === "unknown";
    case "deadline-passed":
    case "rollback-delivered":
    case "compensation-called":
    case "compensation-succeeded":
    case "compensation-failed":
      return true;
    default:
      return false;
  }
}

function failureOf(event: SagaEvent): TurnBack["failure"] {
  if (event.kind === "deadline-passed") {
    return deadlineFailure;
  }
  // A response that can't be built turns a saga back, or completes it without one, past the pivot.
  const failed = event.kind === "respond-failed" || (event.kind === "step-failed" && turns(event));
  return failed ? event.failure : undefined;
}

function eventsOf(record: Uint8Array): readonly SagaEvent[] | undefined {
  try {
    return decodeRecord(record);
  } catch {
    return undefined;
  }
}
