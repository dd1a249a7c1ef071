import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import type { Codec } from "../../runtime/facade/codec.js";
import { type Dto, defineDto } from "../../runtime/facade/dto.js";
import { anyBytes } from "./support/any-bytes.js";
import { type Everything, loadEverything, type Message, type Variant } from "./support/everything.js";

type Results = { readonly first: Message; readonly second: Message };

const facade = "test.Service/Run";
const head = { requestId: "r-1", facade, currentIndex: 1, topics: ["a", "b"], rollbackTopic: "c" };

let everything: Everything;
beforeAll(async () => {
  everything = await loadEverything();
});

/** The bytes that another implementation of protobuf writes for what JSON says. */
function bytesOf(json: JsonObject): Uint8Array {
  const { descriptor, registry } = everything;
  return plain(toBinary(descriptor, fromJson(descriptor, json, { registry })));
}

function dtoOf(codec: Codec<Message>) {
  return defineDto<Message, Results>(facade, { request: codec, results: { first: codec, second: codec } });
}

/** A DTO with the bytes of its messages. */
function fromWire(codec: Codec<Message>, request: Uint8Array, first: Uint8Array): Dto<Message, Results> {
  const wire = { request, results: { first } };
  return { ...head, request: codec.decode(request), results: { first: codec.decode(first) }, wire };
}

/** The messages of a DTO: their bytes take precedence. */
function truth(codec: Codec<Message>, { request, results, wire }: Dto<Message, Results>): Record<string, Uint8Array> {
  const said = { request: wire?.request ?? codec.encode(request).finish() };
  const firstBytes = wire?.results?.first ?? (results.first && codec.encode(results.first).finish());
  return { request: plain(said.request), ...(firstBytes && { first: plain(firstBytes) }) };
}

/** ts-proto returns Buffers, which are not equal to other arrays. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

const variants: readonly Variant[] = ["plain", "exact"];

describe.each(variants)("%s messages of ts-proto", (variant) => {
  test("of any content, with unknown fields, decode to the bytes that were encoded", () => {
    const codec = everything.codecs[variant];
    const dto = dtoOf(codec);
    const messages = anyBytes(everything.descriptor);
    fc.assert(
      fc.property(messages, messages, (request, first) => {
        const sent = fromWire(codec, request, first);
        const text = dto.encode(sent);
        const back = dto.decode(text);
        expect(truth(codec, back)).toEqual({ request: plain(request), first: plain(first) });
        expect(back).toMatchObject(head);
        // What ts-proto reads from JSON has no empty `_unknownFields`.
        expect(sent.request).toMatchObject(back.request);
        expect(sent.results).toMatchObject(back.results);
        expect(dto.encode(back), "the same when it is sent on").toBe(text);
      }),
      { numRuns: 300 },
    );
  });

  test("that were never on a wire are decoded, too", () => {
    const codec = everything.codecs[variant];
    const dto = dtoOf(codec);
    fc.assert(
      fc.property(anyBytes(everything.descriptor), (bytes) => {
        const request = codec.decode(bytes);
        fc.pre(canEncode(codec, request));
        const back = dto.decode(dto.encode({ ...head, request, results: {} }));
        expect(truth(codec, back)).toEqual({ request: plain(codec.encode(request).finish()) });
      }),
      { numRuns: 300 },
    );
  });
});

/** ts-proto can't encode a Date that it made of a timestamp past the year 275760. */
function canEncode(codec: Codec<Message>, message: Message): boolean {
  try {
    codec.encode(message);
    return true;
  } catch {
    return false;
  }
}

/** The fields for which ts-proto writes its own JSON. */
const notAsTheRestDo = ["took", "mask", "any", "wrapped_bytes"];

describe("the JSON", () => {
  test("is proto3 JSON that other implementations read, if JSON can represent it", () => {
    const { descriptor, registry } = everything;
    const codec = everything.codecs.plain;
    const dto = dtoOf(codec);
    fc.assert(
      fc.property(anyBytes(descriptor, notAsTheRestDo), (bytes) => {
        const request = codec.decode(bytes);
        fc.pre(canEncode(codec, request));
        const json = JSON.parse(dto.encode({ ...head, request, results: {} }));
        // ts-proto reads its word for an enum number without a name as -1, which may be what it was.
        fc.pre(json.wire === undefined && !JSON.stringify(json).includes('"UNRECOGNIZED"'));
        const read = codec.decode(toBinary(descriptor, fromJson(descriptor, json.request, { registry })));
        expect(codec.encode(read).finish()).toEqual(codec.encode(request).finish());
      }),
      { numRuns: 300 },
    );
  });

  test.each<readonly [what: string, json: JsonObject, message: Message]>([
    ["longs", { anInt64: "-9007199254740993", aUint64: "18446744073709551615" }, { anInt64: -9007199254740993n }],
    ["bytes", { someBytes: "AAH/", blobs: ["", "Zg=="] }, { someBytes: Buffer.from([0, 1, 255]) }],
    ["enums", { color: "COLOR_DARK", colors: ["COLOR_RED"], maybeColor: "COLOR_UNSPECIFIED" }, { color: -3 }],
    ["timestamps", { at: "2024-02-29T23:59:59.125Z" }, { at: new Date("2024-02-29T23:59:59.125Z") }],
    ["a oneof", { byNumber: "0" }, { choice: { $case: "byNumber", value: 0n } }],
    ["another oneof", { byMessage: { id: "x", next: { amount: "1" } } }, { choice: { $case: "byMessage" } }],
    ["maps", { texts: { a: "1" }, byInt: { "-1": { id: "x" } }, byLong: { "5": "COLOR_RED" } }, { texts: { a: "1" } }],
    ["what is present and zero", { maybeInt32: 0, maybeString: "", maybeBool: false }, { maybeInt32: 0 }],
    ["wrappers", { wrappedString: "", wrappedLong: "7" }, { wrappedString: "", wrappedLong: 7n }],
    ["structs", { struct: { a: [1, null, "x"] }, value: true }, { value: true }],
    ["NaN and infinity", { aDouble: "NaN", aFloat: "-Infinity" }, { aDouble: Number.NaN }],
  ])("encodes %s as proto3 JSON, without bytes", (_, json, message) => {
    const codec = everything.codecs.plain;
    const dto = dtoOf(codec);
    const bytes = bytesOf(json);
    const text = dto.encode(fromWire(codec, bytes, bytes));
    expect(JSON.parse(text)).toEqual({
      request_id: "r-1",
      facade,
      current_index: 1,
      topics: ["a", "b"],
      rollback_topic: "c",
      request: json,
      results: { first: json },
    });
    const back = dto.decode(text);
    expect(back.request).toMatchObject(message);
    expect(back.wire).toBeUndefined();
    expect(truth(codec, back)).toEqual({ request: bytes, first: bytes });
  });

  test.each<readonly [what: string, json: JsonObject, shown: JsonObject]>([
    ["an enum number without a name", { color: 7, anInt32: 1 }, { color: "UNRECOGNIZED", anInt32: 1 }],
    ["nanoseconds", { at: "2024-02-29T23:59:59.123456789Z" }, { at: "2024-02-29T23:59:59.123Z" }],
    ["negative zero", { aDouble: -0 }, {}],
    ["a map's key __proto__", { texts: Object.fromEntries([["__proto__", "x"]]) }, {}],
  ])("adds the bytes of %s", (_, json, shown) => {
    const codec = everything.codecs.plain;
    const dto = dtoOf(codec);
    const bytes = bytesOf(json);
    const usual = bytesOf({ aString: "usual" });
    const text = dto.encode(fromWire(codec, usual, bytes));
    const { request, results, wire } = JSON.parse(text);
    expect(request).toEqual({ aString: "usual" });
    expect(results).toEqual({ first: shown });
    expect(wire).toEqual({ results: { first: Buffer.from(bytes).toString("base64") } });
    const back = dto.decode(text);
    expect(back.wire).toEqual({ results: { first: bytes } });
    expect(back.results.first).toEqual(codec.decode(bytes));
  });

  test("keeps unknown fields in the bytes, and has the known ones as JSON", () => {
    // Field 1000, of a version of the message that this server does not know.
    const bytes = plain(Buffer.concat([bytesOf({ aString: "known" }), Buffer.from("c23e0378797a", "hex")]));
    const { plain: dropping, exact } = everything.codecs;
    for (const codec of [dropping, exact]) {
      const text = dtoOf(codec).encode(fromWire(codec, bytes, bytes));
      expect(JSON.parse(text).request).toEqual({ aString: "known" });
      expect(truth(codec, dtoOf(codec).decode(text))).toEqual({ request: bytes, first: bytes });
    }
    const kept = exact.decode(bytes);
    const text = dtoOf(exact).encode({ ...head, request: kept, results: {} });
    expect(dtoOf(exact).decode(text).request, "by the message itself").toEqual(kept);
    expect(kept).toMatchObject({ _unknownFields: { 8002: expect.anything() } });
  });

  test("is null for a message without JSON; the DTO has its bytes", () => {
    const codec = everything.codecs.plain;
    const dto = dtoOf(codec);
    // A timestamp of 2^62 seconds.
    const bytes = plain(Buffer.from("e2030a08808080808080808040", "hex"));
    const text = dto.encode(fromWire(codec, bytes, bytes));
    expect(JSON.parse(text)).toMatchObject({ request: null, results: { first: null } });
    expect(truth(codec, dto.decode(text))).toEqual({ request: bytes, first: bytes });
  });

  test("of a step without JSON is used, and that of an unknown step is ignored", () => {
    const codec = everything.codecs.plain;
    const dto = dtoOf(codec);
    const bytes = bytesOf({ color: 7 });
    const base64 = Buffer.from(bytes).toString("base64");
    const json = { ...JSON.parse(dto.encode({ ...head, request: codec.fromJSON({}), results: {} })) };
    const text = JSON.stringify({ ...json, results: { third: {} }, wire: { results: { second: base64, third: "?" } } });
    const back = dto.decode(text);
    expect(back.results).toEqual({ second: codec.decode(bytes) });
    expect(back.wire).toEqual({ results: { second: bytes } });
  });
});

describe("a text that is not a DTO is rejected:", () => {
  const dto = () => dtoOf(everything.codecs.plain);
  const json = {
    request_id: "r",
    facade,
    current_index: 0,
    topics: ["a"],
    rollback_topic: "c",
    request: {},
    results: {},
  };

  test.each<readonly [what: string, change: object, error: new () => Error, says: string]>([
    [
      "another facade",
      { facade: "test.Service/Other" },
      TypeError,
      'must be of facade test.Service/Run, but is of "test.Service/Other"',
    ],
    ["no request id", { request_id: undefined }, TypeError, "request_id must be a string"],
    ["half an index", { current_index: 0.5 }, RangeError, "current_index must be an integer"],
    ["one topic", { topics: "a" }, TypeError, "topics must be a JSON array"],
    ["numbers for topics", { topics: [1] }, TypeError, "topics must be a string"],
    ["no request", { request: undefined }, TypeError, "request must be a JSON value, or base64 under wire"],
    ["a result that is null", { results: { first: null } }, TypeError, "results.first must be a JSON value"],
    ["an invalid number", { request: { anInt64: "x" } }, SyntaxError, "Cannot convert x to a BigInt"],
    ["results in a list", { results: [] }, TypeError, "results must be a JSON object"],
    ["wire in a list", { wire: [] }, TypeError, "wire must be a JSON object"],
    ["wire results in a text", { wire: { results: "AA==" } }, TypeError, "wire.results must be a JSON object"],
    ["bytes in a list", { wire: { request: [0] } }, TypeError, "wire.request must be a string"],
    ["invalid base64", { wire: { request: "AA=?" } }, TypeError, "wire.request must be base64"],
    ["base64 of half a byte", { wire: { results: { first: "A" } } }, TypeError, "wire.results.first must be base64"],
    ["bytes of no message", { wire: { request: "cv8=" } }, RangeError, "wire.request must be the bytes of a message: "],
  ])("%s", (_, change, error, says) => {
    const text = JSON.stringify({ ...json, ...change });
    expect(() => dto().decode(text)).toThrow(error);
    expect(() => dto().decode(text)).toThrow(says);
  });

  test.each(["", "{", "[]", "null", '"x"'])("%j", (text) => {
    expect(() => dto().decode(text)).toThrow(/JSON/);
  });

  test("and the text without these changes is decoded", () => {
    expect(dto().decode(JSON.stringify(json))).toMatchObject({ requestId: "r", currentIndex: 0 });
  });
});
