import type { Answer } from "./answer.js";
import type { BarrierRow, BarrierState } from "./port.js";

/** A row as SQL gives it: numbers may be bigint, bytes may be of any Uint8Array class. */
export interface StoredRow {
  readonly key: string;
  readonly method: string;
  readonly request_sha256: Uint8Array;
  readonly state: BarrierState;
  readonly code: number | bigint | null;
  readonly message: string | null;
  readonly details: Uint8Array | null;
  readonly response: Uint8Array | null;
}

/** The columns of {@link StoredRow}, in order. */
export const columns = "key, method, request_sha256, state, code, message, details, response";

/** The columns of an answer, in the order in which `settle` writes them. */
export function answerColumns(answer: Answer): [number, string | null, Buffer | null, Buffer | null] {
  return answer.ok
    ? [0, null, null, bytes(answer.response)]
    : [answer.code, answer.message, bytes(answer.details), null];
}

/** @throws Error where the row that the transaction had made is gone */
export function expectRow(key: string, count: number | null): void {
  if (count !== 1) {
    throw new Error(`the row of ${key} is gone from its transaction: the handler rolled it back itself`);
  }
}

/** Reads a row. */
export function readRow(row: StoredRow): BarrierRow {
  return {
    key: row.key,
    method: row.method,
    requestHash: row.request_sha256,
    state: row.state,
    answer: row.state === "answered" ? readAnswer(row) : undefined,
  };
}

function readAnswer({ code, message, details, response }: StoredRow): Answer {
  return Number(code) === 0
    ? { ok: true, response: response ?? new Uint8Array() }
    : { ok: false, code: Number(code), message: message ?? "", details: details ?? new Uint8Array() };
}

/** Every SQL driver takes a Buffer; some don't take other views of bytes, or take the whole of what lies behind them. */
function bytes(view: Uint8Array): Buffer {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}
