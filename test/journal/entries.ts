import type { SagaEvent } from "../../runtime/core/event.js";
import type { Entry, FirstEntry, Journal } from "../../runtime/journal/journal.js";
import { decodeRecord, encodeRecord } from "../../runtime/journal/record.js";

/** A record of one event that names a number, so that a test knows it again. */
export function numbered(number: number): Uint8Array {
  return encodeRecord(1, [{ event: { kind: "compensation-succeeded", step: number } }]);
}

/** The first entry of a saga. */
export function firstEntry(sagaId: string, more: Partial<FirstEntry> = {}): FirstEntry {
  return {
    sagaId,
    seq: 0,
    record: numbered(0),
    phase: "open",
    messages: [],
    facade: "pb.BookingService.HandleSyncBooking",
    fingerprint: "f1",
    request: Uint8Array.of(1, 2, 3),
    ...more,
  };
}

/** A later entry of a saga. */
export function entry(sagaId: string, seq: number, more: Partial<Entry> = {}): Entry {
  return { sagaId, seq, record: numbered(seq), phase: "open", messages: [], ...more };
}

/** What happened to a saga, as the journal tells it. */
export async function eventsOf(journal: Journal, sagaId: string): Promise<SagaEvent[] | undefined> {
  const stored = await journal.load(sagaId);
  return stored?.records.flatMap(decodeRecord);
}

/** The numbers of a saga's numbered records, in their order. */
export async function numbersOf(journal: Journal, sagaId: string): Promise<number[] | undefined> {
  const events = await eventsOf(journal, sagaId);
  return events?.map((event) => (event.kind === "compensation-succeeded" ? event.step : -1));
}
