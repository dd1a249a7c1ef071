import { status } from "@grpc/grpc-js";
import Database from "libsql";
import { decodeAnswer } from "../../../runtime/journal/record.js";
import { type Event, Record as RecordMessage } from "../../../runtime/pb/saga/journal/v1/journal.js";

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

/** The row of a saga, in either journal. */
export interface SagaRow {
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
    return toSeen(
      saga,
      (later as { record: ArrayBuffer }[]).map((row) => new Uint8Array(row.record)),
    );
  } finally {
    db.close();
  }
}

/** What a saga's row, and its later records, say. */
export function toSeen({ phase, answer, request, first_record }: SagaRow, later: readonly Uint8Array[]): SeenSaga {
  const events = [first_record, ...later].flatMap((bytes) => RecordMessage.decode(bytes).events);
  if (answer !== null) {
    decodeAnswer(answer);
  }
  return { phase, answered: answer !== null, request, events, story: events.map(inShort) };
}

/** Whether a saga was rolled back since a step of it took longer than its timeout, as on a slow machine each attempt may. */
export function wasTooSlow(saga: SeenSaga | undefined): boolean {
  const failures = saga?.events.flatMap(({ kind }) => (kind?.$case === "stepFailed" ? [kind.value.failure] : []));
  return saga?.phase === "compensated" && failures?.at(-1)?.code === status.DEADLINE_EXCEEDED;
}

function inShort({ kind, unexpected }: Event): string {
  const at = kind !== undefined && "step" in kind.value ? ` ${kind.value.step}` : "";
  return `${unexpected === "" ? "" : "!"}${kind?.$case}${at}`;
}
