import type { SagaEvent } from "../../core/event.js";
import { decodeRecord } from "../../journal/record.js";
import type { Tables } from "../world/tables.js";
import { sagaId } from "./trouble.js";

/** What the journal holds of the case's saga just now: what would survive a crash. */
export type Durable = () => readonly SagaEvent[];

/** Reads it; each record is decoded once. */
export function readDurable({ sagas }: Tables): Durable {
  const events: SagaEvent[] = [];
  let known = 0;
  return () => {
    const records = sagas.get(sagaId)?.records ?? [];
    events.push(...records.slice(known).flatMap(decodeRecord));
    known = records.length;
    return events;
  };
}
