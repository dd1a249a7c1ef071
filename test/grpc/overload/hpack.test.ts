import type { OutgoingHttpHeaders } from "node:http2";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameType, headerBlock } from "../../../runtime/grpc/overload/frames.js";
import { decodeFields, encodeFields } from "../../../runtime/grpc/overload/hpack.js";
import { decodeHuffman } from "../../../runtime/grpc/overload/huffman.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { framesIn, startRecorder } from "./support.js";

const scope = createScope();

/** Blocks as Node's own HTTP/2, nghttp2, encodes them where nothing is remembered. */
async function encodedByNode(calls: readonly OutgoingHttpHeaders[]): Promise<readonly Buffer[]> {
  const { session, received } = await startRecorder(scope);
  for (const headers of calls) session.request(headers).on("error", () => {});
  const blocks = () =>
    framesIn(received())
      .filter(({ type }) => type === FrameType.HEADERS)
      .map(({ payload, flags }) => headerBlock(payload, flags) ?? Buffer.alloc(0));
  await until(() => blocks().length === calls.length, { what: "all calls" });
  return blocks();
}

const names = new Set([":path", ":method", "content-type", "x-request-id"]);
const visible = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join("");

test("what Node encodes is decoded, whatever visible characters it holds and however long it is", async () => {
  const text = fc.string({ unit: fc.constantFrom(...visible), maxLength: 300 }).map((value) => value.trim());
  const call = fc.record({
    ":path": text.map((path) => `/${path.replaceAll("#", "")}`),
    ":method": fc.constantFrom("POST", "GET", "PUT"),
    "content-type": fc.constantFrom("application/grpc", "application/grpc+proto", "text/plain"),
    "x-request-id": text,
    te: fc.constant("trailers"),
    "x-other": text,
  });
  const calls = [...fc.sample(call, 300), { ":path": "/", ":method": "GET", "x-request-id": visible.trim() }];
  const blocks = await encodedByNode(calls);
  for (const [at, block] of blocks.entries()) {
    const expected = Object.entries(calls[at] ?? {}).filter(([name]) => names.has(name));
    expect(Object.fromEntries(decodeFields(block, names) ?? [])).toEqual(Object.fromEntries(expected));
  }
});

describe("a block that is not for us to judge:", () => {
  const block = (...bytes: number[]) => decodeFields(Buffer.from(bytes), names);

  test("one that needs what was said before", () => {
    expect(block(0x80 | 62)).toBeUndefined();
    expect(block(0x40 | 62, 1, 0x61)).toBeUndefined();
  });

  test("one that wants a table", () => {
    expect(block(0x20)).toEqual(new Map());
    expect(block(0x3f, 0xe1, 0x1f)).toBeUndefined();
  });

  test("one that is cut short, or has a length of 2^28 or more", () => {
    expect(block(0x04, 5, 0x2f)).toBeUndefined();
    expect(block(0x04)).toBeUndefined();
    expect(block(0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f)).toBeUndefined();
  });

  test("one with two request ids", () => {
    const id = [...encodeFields({ "x-request-id": "a" })];
    expect(block(...id)).toEqual(new Map([["x-request-id", "a"]]));
    expect(block(...id, ...id)).toBeUndefined();
  });

  test("nothing that may be sent makes it throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const fields = decodeFields(Buffer.from(bytes), names);
        expect(fields === undefined || fields instanceof Map).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

test("a Huffman code that is cut, padded by zeros, or has a whole byte of padding is none", () => {
  // "a" is 00011: with the padding that it must have, and not.
  expect(decodeHuffman(Buffer.from([0b00011_111]))).toBe("a");
  expect(decodeHuffman(Buffer.from([0b00011_000]))).toBeUndefined();
  expect(decodeHuffman(Buffer.from([0b00011_111, 0xff]))).toBeUndefined();
  expect(decodeHuffman(Buffer.alloc(20, 0xff))).toBeUndefined();
  expect(decodeHuffman(Buffer.from([]))).toBe("");
});
