import { status } from "@grpc/grpc-js";
import Database from "libsql";
import { expect } from "vitest";
import { bookingService } from "../../../generated/handler/booking/booking/booking-service.js";
import { BookingRequest } from "../../../generated/pb/booking/booking.js";
import { callUnary } from "../../support/call-unary.js";
import type { Fault } from "../../support/faults.js";
import { until } from "../../support/until.js";
import { type BookingServer, ended } from "./booking-server.js";

/** The faults, each of one saga in ten. The other sagas succeed. */
const faults = [
  "payment refused",
  "a step's request lost once",
  "a step's answer lost once",
  "a step out of reach for good",
  "a step's answers lost for good",
  "a compensation out of reach once",
  "a compensation's answer lost once",
] as const;

type FaultKind = (typeof faults)[number] | "none";

const lost: Fault = { fail: { code: status.UNAVAILABLE, message: "lost" } };
const answerLost: Fault = { ...lost, effect: true };
const hung: Fault = { hang: true, effect: true };

/** The kind of the n-th saga: its place in its ten. */
function kindOf(id: string): FaultKind {
  return faults[Number(id.split("-")[1]) % 10] ?? "none";
}

function isUndone(kind: FaultKind): boolean {
  return kind !== "none" && !kind.endsWith("step's request lost once") && !kind.endsWith("step's answer lost once");
}

function refuses(kind: FaultKind): boolean {
  return kind === "payment refused" || kind.startsWith("a compensation");
}

/** The faults of the payment service. A definite failure there leaves an order to compensate. */
function atPayment(method: string, id: string, attempt: number): Fault {
  if (method !== "createPayment") {
    return {};
  }
  // One in five hundred does not fail but hangs, until its timeout.
  const rare = Number(id.split("-")[1]) % 500 < 10;
  switch (kindOf(id)) {
    case "a step's request lost once":
      return attempt === 1 ? lost : {};
    case "a step's answer lost once":
      return attempt === 1 ? (rare ? hung : answerLost) : {};
    case "a step out of reach for good":
      return lost;
    case "a step's answers lost for good":
      return answerLost;
    default:
      return {};
  }
}

function atOrder(method: string, id: string, attempt: number): Fault {
  if (method !== "cancelOrder" || attempt > 1) {
    return {};
  }
  switch (kindOf(id)) {
    case "a compensation out of reach once":
      return lost;
    case "a compensation's answer lost once":
      return answerLost;
    default:
      return {};
  }
}

/** The facades with long timeouts, so that no machine is too slow for calls without a fault. */
const patient = Object.entries(bookingService.facades).map(([method, facade]) => {
  return [method, { ...facade, steps: facade.steps.map((step) => ({ ...step, timeoutMs: 8_000 })) }] as const;
});

/** The service that many sagas are asked of. */
export const patientService = { ...bookingService, facades: Object.fromEntries(patient) };

/**
 * Books this many times, async and throttled in turn, with faults of each kind, and compares the ledgers with the
 * expected effects.
 */
export async function manySagas(server: BookingServer, count: number, inFlight = 200): Promise<void> {
  server.orders.decideBy(atOrder);
  server.payments.decideBy(atPayment);
  const ids = Array.from({ length: count }, (_, n) => `s-${n}`);
  await bookAll(server, ids, inFlight);
  await until(() => openSagas(server.journalFile) === 0, { what: "all sagas to end", timeoutMs: 300_000 });

  const { orders, payments } = server.ledgers();
  const standing = new Map<string, number>();
  for (const { requestId, status } of [...orders.entries, ...payments.entries]) {
    standing.set(requestId, (standing.get(requestId) ?? 0) + (status === "created" ? 1 : 0));
  }
  const wrong = ids.filter((id) => (standing.get(id) ?? 0) !== (isUndone(kindOf(id)) ? 0 : 2));
  expect(wrong.map((id) => `${id}: ${kindOf(id)}`)).toEqual([]);
  const twice = [...orders.effectsByKey, ...payments.effectsByKey].filter(([, times]) => times !== 1);
  expect(twice).toEqual([]);
  expect(orders.entries, "each saga made its order").toHaveLength(count);
}

async function bookAll({ client }: BookingServer, ids: readonly string[], inFlight: number): Promise<void> {
  const left = ids[Symbol.iterator]();
  const worker = async () => {
    for (const id of left) {
      const even = Number(id.split("-")[1]) % 20 < 10;
      const method = even ? client.handleAsyncBooking : client.handleThrottledBooking;
      const request = BookingRequest.fromPartial({ ProductID: 1n, Count: 1n, FaultInject: refuses(kindOf(id)) });
      const call = callUnary<BookingRequest, unknown>(client, method, request, { "x-request-id": id });
      const { code } = await ended(call);
      expect(possible(id, even), `${id}: ${kindOf(id)}`).toContain(code);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** The statuses that a client may get: for a step that never succeeds, that of its last attempt. */
function possible(id: string, accepted: boolean): readonly status[] {
  if (accepted || !isUndone(kindOf(id))) {
    return [status.OK];
  }
  return refuses(kindOf(id)) ? [status.INVALID_ARGUMENT] : [status.UNAVAILABLE, status.DEADLINE_EXCEEDED];
}

function openSagas(file: string): number {
  const db = new Database(file, { readonly: true, timeout: 5_000 });
  try {
    return (db.prepare("SELECT count(*) AS open FROM saga WHERE phase IN ('open', 'stuck')").get() as { open: number })
      .open;
  } finally {
    db.close();
  }
}
