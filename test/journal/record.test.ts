import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Answer } from "../../runtime/journal/journal.js";
import { decodeAnswer, decodeRecord, encodeAnswer, encodeRecord } from "../../runtime/journal/record.js";
import { Record as RecordMessage } from "../../runtime/pb/saga/journal/v1/journal.js";
import { anyEvent, eventsByKind } from "./any-event.js";
import { compareBytesByContent } from "./equal-bytes.js";

compareBytesByContent();

describe("a record", () => {
  test.each(Object.entries(eventsByKind))("gives back any event of kind %s", (_, event) => {
    fc.assert(
      fc.property(event, (one) => {
        expect(decodeRecord(encodeRecord(1, [{ event: one }]))).toEqual([one]);
      }),
    );
  });

  test("keeps the order of its events", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 8 }), (events) => {
        const record = encodeRecord(
          1,
          events.map((event) => ({ event })),
        );
        expect(decodeRecord(record)).toEqual(events);
      }),
    );
  });

  test.each([
    ["none", undefined],
    ["empty", new Uint8Array()],
  ])("tells a request that is %s from any other", (_, sent) => {
    const event = { kind: "step-called", step: 0, attempt: 1, ...(sent === undefined ? {} : { sent }) } as const;
    const [decoded] = decodeRecord(encodeRecord(1, [{ event }]));
    expect(decoded).toHaveProperty("kind", "step-called");
    expect(decoded !== undefined && "sent" in decoded ? decoded.sent : undefined).toEqual(sent);
  });

  test("keeps what was not expected, with its verdict, and leaves it out of the saga's history", () => {
    const event = { kind: "step-succeeded", step: 3, received: Uint8Array.of(7) } as const;
    const record = encodeRecord(1, [{ event, unexpected: "née trop tard" }, { event: { kind: "recovered" } }]);
    expect(decodeRecord(record)).toEqual([{ kind: "recovered" }]);
    const [kept] = RecordMessage.decode(record).events;
    expect(kept?.unexpected).toBe("née trop tard");
    expect(kept?.kind).toMatchObject({ $case: "stepSucceeded", value: { step: 3, received: Uint8Array.of(7) } });
  });

  test("says when it was written", () => {
    expect(RecordMessage.decode(encodeRecord(8.64e15, [])).atMs).toBe(8_640_000_000_000_000n);
  });

  test("rounds a deadline up: it is never earlier than the client's", () => {
    const event = { kind: "started", deadlineAtMs: 1_700_000_000_000.25, traceparent: "" } as const;
    expect(decodeRecord(encodeRecord(1, [{ event }]))).toEqual([{ ...event, deadlineAtMs: 1_700_000_000_001 }]);
  });

  test("with an event of a kind that a newer protosaga added is refused", () => {
    // One event, of which only a field 99 is set.
    const newer = Uint8Array.of(0x12, 3, 0x98, 6, 1);
    expect(() => decodeRecord(newer)).toThrow("newer protosaga");
  });

  test.each([
    ["cut short", encodeRecord(1, [{ event: { kind: "responded", response: new Uint8Array(9) } }]).subarray(0, -3)],
    ["no protobuf", Uint8Array.of(0xff, 0xff, 0xff)],
  ])("that is %s is refused", (_, bytes) => {
    expect(() => decodeRecord(bytes)).toThrow();
  });
});

/** Any answer; a step's name is never empty. */
const anyAnswer: fc.Arbitrary<Answer> = fc.oneof(
  fc.record({ ok: fc.constant(true as const), response: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({
    ok: fc.constant(false as const),
    failure: eventsByKind["respond-failed"].map(({ failure }) => failure),
    step: fc.option(fc.string({ unit: "grapheme", minLength: 1 }), { nil: undefined }),
  }),
);

describe("an answer", () => {
  test("of a response or a failure comes back as it was", () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
      }),
    );
  });

  test("may be an empty response", () => {
    const answer: Answer = { ok: true, response: new Uint8Array() };
    expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
  });

  test("of no kind is refused", () => {
    expect(() => decodeAnswer(new Uint8Array())).toThrow("newer protosaga");
  });
});
