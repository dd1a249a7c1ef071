import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";

/** Writes one field or part of one. */
type Write = (writer: BinaryWriter) => unknown;

/**
 * The bytes of any message of a type, as any client may send them: fields present or not (zeros too), enum numbers
 * without a name, nanoseconds, and fields that the type does not have.
 * @param without fields that are never set, by their names
 */
export function anyBytes(message: DescMessage, without: readonly string[] = []): fc.Arbitrary<Uint8Array> {
  return anyMessage(message, 2, without).map((write) => {
    const writer = new BinaryWriter();
    write(writer);
    return writer.finish();
  });
}

/** A field with a number that no type of the tests has. */
const unknownField: fc.Arbitrary<Write> = fc
  .tuple(fc.integer({ min: 900, max: 905 }), fc.uint8Array({ maxLength: 8 }))
  .map(
    ([number, bytes]) =>
      (writer) =>
        writer.tag(number, WireType.LengthDelimited).bytes(bytes),
  );

function anyMessage(message: DescMessage, depth: number, without: readonly string[] = []): fc.Arbitrary<Write> {
  const members = message.members
    .map((member) => (member.kind === "oneof" ? member.fields : [member]))
    .map((fields) => fields.filter((field) => !without.includes(field.name) && (depth > 0 || !field.message)))
    .filter((fields) => fields.length > 0)
    .map((fields) => fc.oneof(...fields.map((field) => anyField(field, depth))));
  const known = fc.subarray(members, { maxLength: Math.min(8, members.length) }).chain((some) => fc.tuple(...some));
  const unknown = fc.option(unknownField, { freq: 3, nil: nothing });
  return fc.tuple(known, unknown).map(([writes, last]) => (writer) => {
    for (const write of [...writes, last]) {
      write(writer);
    }
  });
}

const nothing: Write = () => {};

function anyField(field: DescField, depth: number): fc.Arbitrary<Write> {
  const { number } = field;
  if (field.fieldKind === "map") {
    const key = anyScalar(field.mapKey);
    const value = field.message ? anyMessage(field.message, depth - 1) : anyScalar(field.scalar ?? "enum");
    const valueWire = field.message ? WireType.LengthDelimited : wireType(field.scalar ?? "enum");
    const entry = fc.tuple(key, value).map(
      ([writeKey, writeValue]): Write =>
        (writer) => {
          writer.tag(number, WireType.LengthDelimited).fork();
          writeKey(writer.tag(1, wireType(field.mapKey)));
          writer.tag(2, valueWire);
          nested(writer, field.message !== undefined, writeValue);
          writer.join();
        },
    );
    return several(entry);
  }
  const value = field.message ? anyMessage(field.message, depth - 1) : anyScalar(field.scalar ?? "enum");
  const wire = field.message ? WireType.LengthDelimited : wireType(field.scalar ?? "enum");
  const one = value.map(
    (write): Write =>
      (writer) => {
        writer.tag(number, wire);
        nested(writer, field.message !== undefined, write);
      },
  );
  return field.fieldKind === "list" ? several(one) : one;
}

function nested(writer: BinaryWriter, isMessage: boolean, write: Write): void {
  if (isMessage) {
    writer.fork();
  }
  write(writer);
  if (isMessage) {
    writer.join();
  }
}

function several(one: fc.Arbitrary<Write>): fc.Arbitrary<Write> {
  return fc.array(one, { maxLength: 3 }).map((writes) => (writer) => {
    for (const write of writes) {
      write(writer);
    }
  });
}

type Scalar = ScalarType | "enum";

function wireType(type: Scalar): WireType {
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    default:
      return WireType.Varint;
  }
}

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.nat(2 ** 32 - 1);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
// "__proto__" is a key like any other to a protobuf map.
const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("", "__proto__", "constructor", "\u0000"));

function anyScalar(type: Scalar): fc.Arbitrary<Write> {
  switch (type) {
    case "enum":
      return fc.oneof(fc.constantFrom(0, 1, -3), int32).map((value) => (writer) => writer.int32(value));
    case ScalarType.DOUBLE:
      return fc.double().map((value) => (writer) => writer.double(value));
    case ScalarType.FLOAT:
      return fc.float().map((value) => (writer) => writer.float(value));
    case ScalarType.INT64:
      return fc.oneof(int64, fc.bigInt(-9n, 9n)).map((value) => (writer) => writer.int64(value));
    case ScalarType.UINT64:
      return uint64.map((value) => (writer) => writer.uint64(value));
    case ScalarType.INT32:
      return int32.map((value) => (writer) => writer.int32(value));
    case ScalarType.FIXED64:
      return uint64.map((value) => (writer) => writer.fixed64(value));
    case ScalarType.FIXED32:
      return uint32.map((value) => (writer) => writer.fixed32(value));
    case ScalarType.BOOL:
      return fc.boolean().map((value) => (writer) => writer.bool(value));
    case ScalarType.STRING:
      return text.map((value) => (writer) => writer.string(value));
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 12 }).map((value) => (writer) => writer.bytes(value));
    case ScalarType.UINT32:
      return uint32.map((value) => (writer) => writer.uint32(value));
    case ScalarType.SFIXED32:
      return int32.map((value) => (writer) => writer.sfixed32(value));
    case ScalarType.SFIXED64:
      return int64.map((value) => (writer) => writer.sfixed64(value));
    case ScalarType.SINT32:
      return int32.map((value) => (writer) => writer.sint32(value));
    case ScalarType.SINT64:
      return int64.map((value) => (writer) => writer.sint64(value));
  }
}
