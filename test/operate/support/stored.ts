import type { SagaEvent } from "../../../runtime/core/event.js";
import { initialState } from "../../../runtime/core/state.js";
import { transition } from "../../../runtime/core/transition.js";
import { answerOf } from "../../../runtime/engine/turn.js";
import type { FacadeDefinition } from "../../../runtime/facade/definition.js";
import type { StoredSaga } from "../../../runtime/journal/journal.js";
import { encodeRecord, type RecordedEvent } from "../../../runtime/journal/record.js";
import { Saga } from "../../../runtime/pb/saga/v1/service.js";
import { events } from "../../core/saga.js";

/** When a test's saga starts, ms since the Unix epoch. Each entry is written a second after the one before. */
export const startMs = Date.UTC(2026, 0, 1);

/** The moment at which an entry is written. */
export function at(entry: number): Date {
  return new Date(startMs + entry * 1_000);
}

/** A saga as the journal holds it after these entries; unexpected events are recorded with their verdict. */
export function storedSaga(facade: FacadeDefinition, ...entries: readonly (readonly SagaEvent[])[]): StoredSaga {
  let state = initialState(facade);
  const records = entries.map((events, entry) => {
    const recorded = events.map((event): RecordedEvent => {
      const next = transition(facade, state, event);
      state = next.state;
      return next.unexpected === undefined ? { event: next.decided ?? event } : { event, unexpected: next.unexpected };
    });
    return encodeRecord(startMs + entry * 1_000, recorded);
  });
  const { phase } = state;
  return {
    sagaId: "s",
    facade: facade.name,
    fingerprint: facade.fingerprint,
    request: new Uint8Array(),
    phase: phase === "completed" || phase === "compensated" || phase === "stuck" ? phase : "open",
    answer: answerOf(facade, state),
    records,
    ownedHere: true,
  };
}

/** A view as a client reads it. */
export function overTheWire(saga: Saga): Saga {
  return Saga.decode(Saga.encode(saga).finish());
}

const { started, called, succeeded, failed, undoCalled, undoFailed, delivered } = events;

/** Entries of a saga of two steps: the second step is refused, and the first one's compensation fails. */
export const stuckEntries: readonly (readonly SagaEvent[])[] = [
  [started, called(0)],
  [succeeded(0), called(1)],
  [failed(1, "INVALID_ARGUMENT")],
  [delivered, undoCalled(0, 1)],
  [undoFailed(0, "UNAVAILABLE"), undoCalled(0, 2)],
  [undoFailed(0, "UNAVAILABLE"), undoCalled(0, 3)],
  [undoFailed(0, "UNAVAILABLE")],
];
