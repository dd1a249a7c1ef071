import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeNotice, encodeNotices } from "../../runtime/journal/postgres/notice.js";

const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 128 }).map((text) => text.replaceAll("\n", "_"));

test("notices tell other processes of every saga, in few payloads that PostgreSQL takes", () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 600 }), (ids) => {
      const payloads = encodeNotices("me", ids);
      for (const payload of payloads) {
        expect(Buffer.byteLength(payload)).toBeLessThan(8_000);
      }
      expect(payloads.flatMap((payload) => decodeNotice("you", payload))).toEqual(ids);
      expect(payloads.flatMap((payload) => decodeNotice("me", payload))).toEqual([]);
      const bytes = ids.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
      expect(payloads.length).toBeLessThanOrEqual(Math.ceil(bytes / 7_000));
    }),
  );
});

test("a saga whose id no payload can hold is not told of, and the others are", () => {
  const payloads = encodeNotices("me", ["a", "x".repeat(9_000), "b"]);
  expect(payloads.flatMap((payload) => decodeNotice("you", payload))).toEqual(["a", "b"]);
});
