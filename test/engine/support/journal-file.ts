import Database from "libsql";
import { decodeAnswer } from "../../../runtime/journal/record.js";
import { type Event, type Failure, Record as RecordMessage } from "../../../runtime/pb/saga/journal/v1/journal.js";

/** What a journal file says of a saga, and so what would survive now. */
export interface SeenSaga {
  readonly phase: string;
  readonly answered: boolean;
  /** The facade's request. */
  readonly request: Uint8Array;
  readonly events: readonly Event[];
  /** The events in short: "stepCalled 0". Those that changed nothing begin with "!". */
  readonly story: readonly string[];
}

interface SagaRow {
  readonly phase: string;
  readonly answer: Buffer | null;
  readonly request: Buffer;
  readonly first_record: Buffer;
}

/** Reads a saga as another process would, while the engine runs. */
export function readSaga(file: string, id: string): SeenSaga | undefined {
  const db = new Database(file, { readonly: true, timeout: 5_000 });
  try {
    const saga = db.prepare("SELECT phase, answer, request, first_record FROM saga WHERE id = ?").get(id) as
      | SagaRow
      | undefined;
    if (saga === undefined) {
      return undefined;
    }
    const later = db.prepare("SELECT record FROM record WHERE saga_id = ? ORDER BY seq").all(id);
    const records = [
      saga.first_record,
      ...(later as { record: ArrayBuffer }[]).map((row) => new Uint8Array(row.record)),
    ];
    const events = records.flatMap((bytes) => RecordMessage.decode(bytes).events);
    if (saga.answer !== null) {
      decodeAnswer(saga.answer);
    }
    const { phase, request } = saga;
    return { phase, answered: saga.answer !== null, request, events, story: events.map(inShort) };
  } finally {
    db.close();
  }
}

/** The failures of a saga's steps, in their order. */
export function stepFailures({ events }: SeenSaga): readonly Failure[] {
  return events.flatMap(({ kind }) =>
    kind?.$case === "stepFailed" && kind.value.failure !== undefined ? [kind.value.failure] : [],
  );
}

function inShort({ kind, unexpected }: Event): string {
  const at = kind !== undefined && "step" in kind.value ? ` ${kind.value.step}` : "";
  return `${unexpected === "" ? "" : "!"}${kind?.$case}${at}`;
}
