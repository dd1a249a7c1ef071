import { describe, expect, test } from "vitest";
import { judge } from "../../chaos/check/judge.js";
import type { SagaSeen } from "../../chaos/check/saga-seen.js";
import type { Booking } from "../../chaos/load/booking.js";
import type { History } from "../../chaos/load/clients.js";
import type { Answer } from "../support/book.js";
import type { Book, LedgerEffect, LedgerEntry } from "../support/ledger-reader.js";

const id = "a";
const booking: Booking = { id, mode: "sync", faultInject: false, habit: "patient", pod: 0, patienceMs: 10 };
const success: Answer = { code: 0, message: "", requestId: id, orderId: 1n, paymentId: 2n };
const failure = failed(14, "SAGA_INTERRUPTED");
const taken = failed(6, "SAGA_REQUEST_ID_TAKEN");
const completed: SagaSeen = {
  state: "COMPLETED",
  facade: "pb.BookingService/HandleSyncBooking",
  requestId: id,
  orderId: 1n,
  paymentId: 2n,
};
const compensated: SagaSeen = {
  state: "COMPENSATED",
  facade: "pb.BookingService/HandleSyncBooking",
  code: 14,
  reason: "SAGA_INTERRUPTED",
};

function failed(code: number, reason: string): Answer {
  return { code, message: reason, info: { reason, domain: "protosaga", metadata: {} } };
}

/** A ledger in which these were created, and these of them cancelled; request ids. */
function book(
  noun: "Order" | "Payment",
  entryId: bigint,
  created: readonly string[],
  cancelled: readonly string[] = [],
) {
  const entries: LedgerEntry[] = [...new Set(created)].map((requestId) => {
    return { id: entryId, requestId, status: cancelled.includes(requestId) ? "cancelled" : "created" };
  });
  const effects: LedgerEffect[] = [
    ...created.map((requestId) => ({ key: `${requestId}/create${noun}`, method: "create" as const, requestId })),
    ...cancelled.map((requestId) => {
      return { key: `${requestId}/create${noun}/compensate`, method: "cancel" as const, requestId };
    }),
  ];
  const effectsByKey = new Map<string, number>();
  for (const { key } of effects) effectsByKey.set(key, (effectsByKey.get(key) ?? 0) + 1);
  return { entries, effects, effectsByKey, tombstones: [] } satisfies Book;
}

const both = { orders: book("Order", 1n, [id]), payments: book("Payment", 2n, [id]) };
const cancelled = { orders: book("Order", 1n, [id], [id]), payments: book("Payment", 2n, []) };
const nothing = { orders: book("Order", 1n, []), payments: book("Payment", 2n, []) };

interface Case {
  readonly booking?: Partial<Booking>;
  readonly history?: Partial<History>;
  readonly seen?: SagaSeen;
  readonly ledgers?: typeof both;
}

function findings({ booking: changed = {}, history = {}, seen = completed, ledgers = both }: Case): string {
  const all = {
    booking: { ...booking, ...changed },
    answers: [success],
    otherAnswers: [],
    satisfied: true,
    ...history,
  };
  return judge({ histories: [all], sagas: new Map([[id, seen]]), ledgers })
    .map(({ where, what }) => `${where}: ${what}`)
    .join("\n");
}

describe("chaos finds nothing wrong with", () => {
  const fine: Record<string, Case> = {
    "a success": {},
    "a success that is returned again": { history: { answers: [success, success] } },
    "a failure whose order was cancelled": { history: { answers: [failure] }, seen: compensated, ledgers: cancelled },
    "a failure before any effect": { history: { answers: [failure] }, seen: compensated, ledgers: nothing },
    "a client that left before its call arrived": {
      booking: { habit: "leaves for good" },
      history: { answers: [] },
      seen: { state: "none" },
      ledgers: nothing,
    },
    "an async saga that was accepted and compensated": {
      booking: { mode: "async" },
      history: { answers: [{ code: 0, message: "", requestId: id }] },
      seen: { ...compensated, facade: "pb.BookingService/HandleAsyncBooking" },
      ledgers: cancelled,
    },
    "another request with the same id that was refused": {
      booking: { habit: "changes its mind" },
      history: { otherAnswers: [taken] },
    },
    "two requests at once of which the other came first": {
      booking: { habit: "asks for two things at once" },
      history: { answers: [taken], otherAnswers: [success] },
    },
  };

  test.each(Object.entries(fine))("%s", (_, one) => {
    expect(findings(one)).toBe("");
  });
});

describe("chaos finds", () => {
  const wrong: Record<string, readonly [Case, RegExp]> = {
    "a success of a compensated saga": [
      { seen: compensated, ledgers: cancelled },
      /got a success, and the saga is COMPENSATED/,
    ],
    "a failure of a saga that completed": [{ history: { answers: [failure] } }, /got 14 SAGA_INTERRUPTED.*COMPLETED/],
    "a failure that is not the saga's": [
      { history: { answers: [failed(3, "SAGA_STEP_FAILED")] }, seen: compensated, ledgers: cancelled },
      /the saga failed with 14 SAGA_INTERRUPTED/,
    ],
    "ids that the ledgers don't have": [{ history: { answers: [{ ...success, orderId: 7n }] } }, /names order 7/],
    "two answers": [{ history: { answers: [success, { ...success, paymentId: 9n }] } }, /got different answers/],
    "an answer for another": [{ history: { answers: [{ ...success, requestId: "b" }] } }, /got the answer of b/],
    "a saga that is gone": [{ seen: { state: "none" }, ledgers: nothing }, /lost/],
    "effects of a saga that is gone": [{ seen: { state: "none" } }, /was created, and no server has the saga/],
    "a saga that never ends": [{ seen: { ...completed, state: "open" } }, /has not ended/],
    "a saga that is stuck": [{ seen: { ...completed, state: "STUCK" } }, /STUCK/],
    "a client without an answer": [{ history: { satisfied: false } }, /got no answer/],
    "half a completed saga": [{ ledgers: { ...both, payments: nothing.payments } }, /COMPLETED with 0 active payments/],
    "a half compensated saga": [
      { history: { answers: [failure] }, seen: compensated, ledgers: { ...both, orders: cancelled.orders } },
      /COMPENSATED with 1 active payments/,
    ],
    "an effect that happened twice": [{ ledgers: { ...both, orders: book("Order", 1n, [id, id]) } }, /doubled/],
    "an effect that no client requested": [
      { ledgers: { ...both, orders: book("Order", 1n, [id, "x"]) } },
      /x: an effect of a saga that no client requested/,
    ],
    "a refused payment that completed": [{ booking: { faultInject: true } }, /although its payment was refused/],
    "another request that was accepted with the same id": [
      { booking: { habit: "changes its mind" }, history: { otherAnswers: [success] } },
      /both accepted/,
    ],
    "a request that was refused as another one": [{ history: { answers: [success, taken] } }, /its own request/],
    "a saga of another facade": [
      { booking: { mode: "throttled" } },
      /its facade is pb.BookingService.HandleSyncBooking/,
    ],
  };

  test.each(Object.entries(wrong))("%s", (_, [one, what]) => {
    expect(findings(one)).toMatch(what);
  });
});
