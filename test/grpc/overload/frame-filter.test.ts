import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameFilter } from "../../../runtime/grpc/overload/frame-filter.js";
import { Flag, FrameType, preface } from "../../../runtime/grpc/overload/frames.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { frame, framesIn, startRecorder } from "./support.js";

const scope = createScope();

const refusal = Buffer.from("refused");

/** Calls whose header block begins with an R are refused. */
const judge = {
  watches: () => true,
  refusal: (block: Buffer) => (block[0] === 0x52 ? refusal : undefined),
};

const settings = frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100]));
const agree = frame(FrameType.SETTINGS, Flag.ACK, 0);
const first = frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, Buffer.from(" first"));
/** A connection whose client has agreed to everything; and what of it goes on. */
const agreed = Buffer.concat([preface, settings, agree, agree, first]);
const begun = Buffer.concat([preface, settings, agree, first]);

function table(size: number): Buffer {
  const setting = Buffer.from([0, 4, 0, 0, 255, 255, 0, 1, 0, 0, 0, 0]);
  setting.writeUInt32BE(size, 8);
  return frame(FrameType.SETTINGS, 0, 0, setting);
}

function call(stream: number, block: string, body: number): Buffer {
  return Buffer.concat([
    frame(FrameType.HEADERS, Flag.END_HEADERS, stream, Buffer.from(block)),
    frame(FrameType.DATA, Flag.END_STREAM, stream, Buffer.alloc(body)),
  ]);
}

/** All that goes on, and all that is replied, of bytes that come in the given pieces. */
function through(pieces: readonly Buffer[], by = judge): { readonly passed: Buffer; readonly reply: Buffer } {
  const filter = new FrameFilter(by);
  const filtered = pieces.map((piece) => filter.filter(piece));
  return {
    passed: Buffer.concat(filtered.flatMap(({ passed }) => passed)),
    reply: Buffer.concat(filtered.map(({ reply }) => reply)),
  };
}

function cut(bytes: Buffer, at: readonly number[]): readonly Buffer[] {
  const places = [...new Set(at.map((place) => place % bytes.length))].sort((a, b) => a - b);
  return [0, ...places].map((from, n) => bytes.subarray(from, [...places, bytes.length][n]));
}

const cuts = fc.array(fc.nat(10_000), { maxLength: 40 });

test("refused calls are taken out and answered, and the window is given back; all else goes on", () => {
  const bytes = Buffer.concat([agreed, call(3, "R", 500), call(5, "go on", 7), call(7, "R", 20), settings]);
  const { passed, reply } = through([bytes]);
  expect(passed).toEqual(Buffer.concat([begun, call(5, "go on", 7), settings]));
  const end = Flag.END_HEADERS | Flag.END_STREAM;
  expect(framesIn(reply)).toEqual([
    { type: FrameType.HEADERS, flags: end, stream: 3, payload: refusal },
    { type: FrameType.HEADERS, flags: end, stream: 7, payload: refusal },
    { type: FrameType.WINDOW_UPDATE, flags: 0, stream: 0, payload: Buffer.from([0, 0, 2, 8]) },
  ]);
});

test("a refused call whose request has not come whole is reset, and the rest of it goes nowhere", () => {
  const filter = new FrameFilter(judge);
  filter.filter(agreed);
  const refused = filter.filter(frame(FrameType.HEADERS, Flag.END_HEADERS, 3, Buffer.from("R")));
  expect(framesIn(refused.reply).map(({ type, stream }) => [type, stream])).toEqual([
    [FrameType.HEADERS, 3],
    [FrameType.RST_STREAM, 3],
  ]);
  const late = filter.filter(
    Buffer.concat([
      frame(FrameType.DATA, 0, 3, Buffer.alloc(100)),
      frame(FrameType.WINDOW_UPDATE, 0, 3, Buffer.alloc(4)),
      frame(FrameType.RST_STREAM, 0, 3, Buffer.alloc(4)),
      call(5, "go on", 1),
    ]),
  );
  expect(Buffer.concat(late.passed)).toEqual(call(5, "go on", 1));
  expect(framesIn(late.reply).map(({ type, payload }) => [type, payload.readUInt32BE()])).toEqual([
    [FrameType.WINDOW_UPDATE, 100],
  ]);
});

describe("nothing is refused", () => {
  const call3 = call(3, "R", 5);
  const all = (bytes: Buffer, by = judge) => {
    // The filter's own question is answered to the filter.
    const asked = bytes.indexOf(agree);
    const goesOn = asked < 0 ? bytes : Buffer.concat([bytes.subarray(0, asked), bytes.subarray(asked + agree.length)]);
    expect(through([bytes], by)).toEqual({ passed: goesOn, reply: Buffer.alloc(0) });
  };

  test("before the client has agreed, nor in the first headers after it has", () => {
    all(Buffer.concat([preface, settings, call3]));
    all(Buffer.concat([preface, settings, agree, call3]));
  });

  test("where there is nothing to judge", () =>
    all(Buffer.concat([agreed, call3]), { ...judge, watches: () => false }));

  test("of a client that remembers headers all the same", () => {
    const unheeding = frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, Buffer.from("first"));
    all(Buffer.concat([preface, settings, agree, agree, unheeding, call3]));
  });

  test("behind a frame that is longer than may be, of which nothing is held", () => {
    const long = frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(16_385));
    all(Buffer.concat([agreed, long, call3]));
    all(Buffer.concat([agreed, long.subarray(0, 1_000)]));
  });

  test("of a client that wants a smaller table once headers were sent", () => {
    all(Buffer.concat([agreed, table(1_024), call3]));
  });

  test("of a client that wants tables of one size and then of another", () => {
    all(Buffer.concat([preface, table(1_024), table(2_048), agree, first, call3]));
  });

  test("where the headers go on in another frame", () => {
    const begun = frame(FrameType.HEADERS, 0, 3, Buffer.from("R"));
    all(Buffer.concat([agreed, begun, frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, Buffer.from("…"))]));
  });

  test("of what is not HTTP/2", () => {
    all(Buffer.from("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    all(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nMS\r\n\r\n"), settings, first, call3]));
  });
});

test("what refuses a client that wants a smaller table says that it heeds that", () => {
  const { reply } = through([Buffer.concat([preface, table(1_024), agree, first, call(3, "R", 0)])]);
  expect(framesIn(reply)[0]?.payload).toEqual(Buffer.concat([Buffer.from([0x3f, 0xe1, 0x07]), refusal]));
  const larger = through([Buffer.concat([preface, table(65_536), agree, first, call(3, "R", 0)])]);
  expect(framesIn(larger.reply)[0]?.payload).toEqual(refusal);
});

test("Node's own client does as it is asked: of its calls, only the first goes on", async () => {
  const { session, received } = await startRecorder(scope);
  for (let at = 0; at < 5; at++) session.request({ ":path": `/${at}` }).on("error", () => {});
  const calls = () => framesIn(received()).filter(({ type }) => type === FrameType.HEADERS).length;
  await until(() => calls() === 5, { what: "the calls" });
  const { reply } = through([preface, received()], { watches: () => true, refusal: () => refusal });
  expect(framesIn(reply).filter(({ type }) => type === FrameType.HEADERS)).toHaveLength(4);
});

test("padding and a priority before the block are passed over", () => {
  const block = Buffer.from([2, 0, 0, 0, 0, 16, 0x52, 0, 0]);
  const flags = Flag.END_HEADERS | Flag.END_STREAM | Flag.PADDED | Flag.PRIORITY;
  const { passed, reply } = through([Buffer.concat([agreed, frame(FrameType.HEADERS, flags, 3, block)])]);
  expect(passed).toEqual(begun);
  expect(framesIn(reply)).toHaveLength(1);
});

test("however it is cut, the same calls go on and the same are refused, and every byte is accounted for", () => {
  const sent = fc.record({ refused: fc.boolean(), body: fc.nat(300), reset: fc.boolean() });
  fc.assert(
    fc.property(fc.array(sent, { maxLength: 12 }), cuts, (calls, places) => {
      const frames = calls.map(({ refused, body, reset }, at) => {
        const stream = 3 + 2 * at;
        const cancel = reset ? [frame(FrameType.RST_STREAM, 0, stream, Buffer.alloc(4))] : [];
        return { refused, body, stream, bytes: Buffer.concat([call(stream, refused ? "R" : "ok", body), ...cancel]) };
      });
      const bytes = Buffer.concat([agreed, ...frames.map((one) => one.bytes)]);
      const { passed, reply } = through(cut(bytes, places));
      // What comes late of a refused call, behind another that went on, is left to HTTP/2: here, none does.
      expect(passed).toEqual(Buffer.concat([begun, ...frames.filter((one) => !one.refused).map((one) => one.bytes)]));
      const replies = framesIn(reply);
      const refused = frames.filter((one) => one.refused);
      expect(replies.filter(({ type }) => type === FrameType.HEADERS).map(({ stream }) => stream)).toEqual(
        refused.map(({ stream }) => stream),
      );
      const returned = replies.filter(({ type }) => type === FrameType.WINDOW_UPDATE);
      expect(returned.reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0)).toBe(
        refused.reduce((sum, { body }) => sum + body, 0),
      );
    }),
    { numRuns: 200 },
  );
});

test("of anything at all, what goes on is what came but for the first acknowledgement and a last part of a frame", () => {
  const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const heads = fc
    .tuple(fc.nat(10), fc.nat(255), fc.nat(9), fc.uint8Array({ maxLength: 20 }))
    .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload));
  const begins = fc.constantFrom(Buffer.from("not HTTP/2"), agreed);
  fc.assert(
    fc.property(begins, fc.array(fc.oneof(heads, anything), { maxLength: 8 }), cuts, (begin, parts, places) => {
      const bytes = Buffer.concat([begin, ...parts]);
      const { passed, reply } = through(cut(bytes, places), { watches: () => true, refusal: () => undefined });
      const goesOn = begin === agreed ? Buffer.concat([begun, ...parts]) : bytes;
      expect(reply).toHaveLength(0);
      expect(goesOn.subarray(0, passed.length)).toEqual(passed);
      expect(passed.length).toBeGreaterThanOrEqual(begin === agreed ? begun.length : bytes.length);
    }),
    { numRuns: 600 },
  );
});
