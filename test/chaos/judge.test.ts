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
const undone = { orders: book("Order", 1n, [id], [id]), payments: book("Payment", 2n, []) };
const nothing = { orders: book("Order", 1n, []), payments: book("Payment", 2n, []) };

interface Case {
  readonly booking?: Partial<Booking>;
  readonly history?: Partial<History>;
  readonly seen?: SagaSeen;
  readonly ledgers?: typeof both;
}

function findings({ booking: changed = {}, history = {}, seen = completed, ledgers = both }: Case): string {
  const all = { booking: { ...booking, ...changed }, told: [success], toldOther: [], satisfied: true, ...history };
  return judge({ histories: [all], sagas: new Map([[id, seen]]), ledgers })
    .map(({ where, what }) => `${where}: ${what}`)
    .join("\n");
}

describe("chaos finds nothing wrong with", () => {
  const fine: Record<string, Case> = {
    "a success": {},
    "a success that was told again": { history: { told: [success, success] } },
    "a failure whose order was undone": { history: { told: [failure] }, seen: compensated, ledgers: undone },
    "a failure before any effect": { history: { told: [failure] }, seen: compensated, ledgers: nothing },
    "a client that left before its call arrived": {
      booking: { habit: "leaves for good" },
      history: { told: [] },
      seen: { state: "none" },
      ledgers: nothing,
    },
    "an async saga that was accepted and undone": {
      booking: { mode: "async" },
      history: { told: [{ code: 0, message: "", requestId: id }] },
      seen: { ...compensated, facade: "pb.BookingService/HandleAsyncBooking" },
      ledgers: undone,
    },
    "a second thought that was refused": {
      booking: { habit: "changes its mind" },
      history: { toldOther: [taken] },
    },
    "two things at once of which the other came first": {
      booking: { habit: "asks for two things at once" },
      history: { told: [taken], toldOther: [success] },
    },
  };

  test.each(Object.entries(fine))("%s", (_, one) => {
    expect(findings(one)).toBe("");
  });
});

describe("chaos finds", () => {
  const wrong: Record<string, readonly [Case, RegExp]> = {
    "a success that was undone": [{ seen: compensated, ledgers: undone }, /told of success, and it is COMPENSATED/],
    "a failure of a saga that completed": [{ history: { told: [failure] } }, /told 14 SAGA_INTERRUPTED.*COMPLETED/],
    "a failure that is not the saga's own": [
      { history: { told: [failed(3, "SAGA_STEP_FAILED")] }, seen: compensated, ledgers: undone },
      /the saga failed with 14 SAGA_INTERRUPTED/,
    ],
    "ids that the ledgers don't have": [{ history: { told: [{ ...success, orderId: 7n }] } }, /names order 7/],
    "two answers": [{ history: { told: [success, { ...success, paymentId: 9n }] } }, /told different things/],
    "an answer for another": [{ history: { told: [{ ...success, requestId: "b" }] } }, /answered for b/],
    "a saga that is gone": [{ seen: { state: "none" }, ledgers: nothing }, /lost/],
    "effects of a saga that is gone": [{ seen: { state: "none" } }, /was created, and there is no saga/],
    "a saga that never ends": [{ seen: { ...completed, state: "open" } }, /forgotten/],
    "a saga that is stuck": [{ seen: { ...completed, state: "STUCK" } }, /STUCK/],
    "a client without an answer": [{ history: { satisfied: false } }, /never got an answer/],
    "half a completed saga": [{ ledgers: { ...both, payments: nothing.payments } }, /COMPLETED, and of its payments/],
    "half an undone saga": [
      { history: { told: [failure] }, seen: compensated, ledgers: { ...both, orders: undone.orders } },
      /COMPENSATED, and of its payments stand 1/,
    ],
    "an effect that happened twice": [{ ledgers: { ...both, orders: book("Order", 1n, [id, id]) } }, /doubled/],
    "an effect that nobody asked for": [
      { ledgers: { ...both, orders: book("Order", 1n, [id, "x"]) } },
      /x: an effect, and nobody asked/,
    ],
    "a refused payment that completed": [{ booking: { faultInject: true } }, /although its payment was refused/],
    "another request that got the id too": [
      { booking: { habit: "changes its mind" }, history: { toldOther: [success] } },
      /both accepted/,
    ],
    "an id that was said to be taken by its own saga": [{ history: { told: [success, taken] } }, /its own request/],
    "a saga of another facade": [{ booking: { mode: "throttled" } }, /runs pb.BookingService.HandleSyncBooking/],
  };

  test.each(Object.entries(wrong))("%s", (_, [one, what]) => {
    expect(findings(one)).toMatch(what);
  });
});
