import { type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import type { SampleField, SampleValue } from "../model.js";

/** The maximum depth of nested messages in a sample. */
const deepest = 4;

/** The sample of a message. It omits a type inside itself. */
export function readSample(message: DescMessage, around: readonly DescMessage[] = []): readonly SampleField[] {
  const inside = [...around, message];
  return message.fields.flatMap((field): SampleField[] => {
    // Only one field of a oneof can be set.
    if (field.oneof !== undefined && field.oneof.fields[0] !== field) {
      return [];
    }
    const value = valueOfField(field, inside);
    if (value === undefined) {
      return [];
    }
    const cardinality = field.fieldKind === "list" ? "repeated" : field.fieldKind === "map" ? "map" : "singular";
    const mapKey = field.fieldKind === "map" ? { mapKey: keyOf(field.mapKey) } : {};
    return [{ jsonName: field.jsonName, value, cardinality, ...mapKey }];
  });
}

function valueOfField(field: DescField, inside: readonly DescMessage[]): SampleValue | undefined {
  if (field.message) {
    return messageValue(field.message, inside);
  }
  return field.enum ? enumValue(field.enum) : scalarValue(field.scalar);
}

function messageValue(message: DescMessage, inside: readonly DescMessage[]): SampleValue | undefined {
  if (message.typeName === "google.protobuf.Timestamp") {
    return { kind: "time" };
  }
  const wrapped = /^google\.protobuf\.\w+Value$/.test(message.typeName) ? message.field.value?.scalar : undefined;
  if (wrapped !== undefined && wrapped !== ScalarType.BYTES) {
    return scalarValue(wrapped);
  }
  // Generators disagree on the JSON of the other well-known types: they are omitted.
  if (message.typeName.startsWith("google.protobuf.") || inside.includes(message) || inside.length >= deepest) {
    return undefined;
  }
  return { kind: "message", fields: readSample(message, inside) };
}

function enumValue({ values }: DescEnum): SampleValue | undefined {
  const first = values.find(({ number }) => number !== 0);
  return first && { kind: "enum", name: first.name };
}

function scalarValue(scalar: ScalarType): SampleValue | undefined {
  switch (scalar) {
    case ScalarType.BOOL:
      return undefined; // Flags usually enable something special: they stay off.
    case ScalarType.STRING:
      return { kind: "text" };
    case ScalarType.BYTES:
      return { kind: "bytes" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { kind: "fraction" };
    default:
      return { kind: ScalarType[scalar].endsWith("64") ? "long" : "integer" };
  }
}

function keyOf(scalar: ScalarType): "text" | "integer" | "bool" {
  return scalar === ScalarType.STRING ? "text" : scalar === ScalarType.BOOL ? "bool" : "integer";
}
