import { createHash } from "node:crypto";
import { handleAsyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-async-booking.js";
import { handleSyncBooking } from "../../generated/facade/booking/booking/booking-service/handle-sync-booking.js";
import { BookingRequest, BookingSyncResponse } from "../../generated/pb/booking/booking.js";
import { CreateOrderRequest, CreateOrderResponse } from "../../generated/pb/booking/order.js";
import { CreatePaymentRequest, CreatePaymentResponse } from "../../generated/pb/booking/payment.js";
import type { SagaEvent } from "../../runtime/core/event.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import type { StoredPhase } from "../../runtime/journal/journal.js";
import { encodeAnswer, encodeRecord } from "../../runtime/journal/record.js";

/** A saga as a journal holds it. */
export interface Row {
  readonly id: string;
  readonly facade: string;
  readonly fingerprint: string;
  readonly request: Uint8Array;
  readonly records: readonly Uint8Array[];
  readonly phase: StoredPhase;
  readonly answer: Uint8Array | null;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

/** The size of a journal, and when its sagas ended. */
export interface Size {
  readonly finished: number;
  readonly open: number;
}

/** Ended sagas are spread over this time before the journal was made, ms: two weeks. */
export const spanMs = 14 * 24 * 3_600_000;

/** The request of every saga of a large journal. */
const request = BookingRequest.encode({ ProductID: 1n, Count: 1n, FaultInject: false }).finish();

/**
 * The id of the n-th saga. It is as random as those of clients, so that consecutive sagas are not adjacent in an index.
 */
export function idOf(kind: "finished" | "open", n: number): string {
  const hex = createHash("md5").update(`${kind}-${n}`).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The sagas of a grown journal, the oldest first; the open ones are the youngest. */
export function* rowsOf({ finished, open }: Size, nowMs: number): Generator<Row> {
  for (let n = 0; n < finished; n++) {
    yield finishedRow(n, nowMs - spanMs + Math.floor((n * spanMs) / finished));
  }
  for (let n = 0; n < open; n++) {
    yield openRow(n, nowMs);
  }
}

/** A sync booking that completed: three entries. */
function finishedRow(n: number, atMs: number): Row {
  const id = idOf("finished", n);
  const response = BookingSyncResponse.encode({ RequestID: id, OrderID: BigInt(n), PaymentID: BigInt(n) }).finish();
  const paid = CreatePaymentResponse.encode({ paymentId: BigInt(n) }).finish();
  const last: SagaEvent[] = [
    { kind: "step-succeeded", step: 1, received: paid },
    { kind: "responded", response },
  ];
  return {
    ...of(handleSyncBooking, id, atMs),
    records: [
      encode(atMs, [started(id, atMs + 10_000), callOrder(id)]),
      encode(atMs + 2, [ordered(n), callPayment(id, n)]),
      encode(atMs + 4, last),
    ],
    phase: "completed",
    answer: encodeAnswer({ ok: true, response }),
    endedAtMs: atMs + 4,
  };
}

/** What a killed process leaves: a quarter are sync sagas with a call in flight, the rest waiting async ones. */
function openRow(n: number, atMs: number): Row {
  const id = idOf("open", n);
  const rest = { phase: "open", answer: null, endedAtMs: null } as const;
  if (n % 4 === 3) {
    const first = encode(atMs, [started(id, atMs + 10_000), callOrder(id)]);
    return { ...of(handleSyncBooking, id, atMs), ...rest, records: [first] };
  }
  const saga = of(handleAsyncBooking, id, atMs);
  if (n % 4 === 2) {
    const first = encode(atMs, [started(id), { kind: "step-delivered", step: 0 }, callOrder(id)]);
    return { ...saga, ...rest, records: [first, encode(atMs + 2, [ordered(n)])] };
  }
  return { ...saga, ...rest, records: [encode(atMs, [started(id)])] };
}

function of({ name: facade, fingerprint }: FacadeDefinition, id: string, createdAtMs: number) {
  return { id, facade, fingerprint, request, createdAtMs };
}

function started(id: string, deadlineAtMs?: number): SagaEvent {
  const trace = id.replaceAll("-", "");
  return { kind: "started", deadlineAtMs, traceparent: `00-${trace}-${trace.slice(0, 16)}-01` };
}

function callOrder(id: string): SagaEvent {
  const sent = CreateOrderRequest.encode({ requestId: id, productId: 1n, count: 1n }).finish();
  return { kind: "step-called", step: 0, attempt: 1, sent };
}

function ordered(n: number): SagaEvent {
  return { kind: "step-succeeded", step: 0, received: CreateOrderResponse.encode({ orderId: BigInt(n) }).finish() };
}

function callPayment(id: string, n: number): SagaEvent {
  const sent = { requestId: id, orderId: BigInt(n), amount: 1n, faultInject: false };
  return { kind: "step-called", step: 1, attempt: 1, sent: CreatePaymentRequest.encode(sent).finish() };
}

function encode(atMs: number, events: readonly SagaEvent[]): Uint8Array {
  return encodeRecord(
    atMs,
    events.map((event) => ({ event })),
  );
}
