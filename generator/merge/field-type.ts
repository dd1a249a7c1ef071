import type { Field, Message } from "../model.js";

/** Whether two names are equal except for case and underscores. */
export function sameName(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

/** Whether the name of a field says that it is the saga's id. */
export function namesSagaId({ protoName, type, cardinality, oneof }: Field): boolean {
  const isString = type.kind === "scalar" && type.scalar === "string";
  return isString && cardinality === "singular" && !oneof && ["requestid", "sagaid"].includes(plain(protoName));
}

/** Whether the value of one field is assignable to another. */
export function fits(source: Field, target: Field): boolean {
  return (
    sameType(source, target) &&
    source.cardinality === target.cardinality &&
    source.mapKey === target.mapKey &&
    // Reading a member of a oneof requires a check which member is set.
    source.oneof === undefined &&
    (target.optional || !source.optional)
  );
}

/** "int64", "repeated pb.Item", "map<string, pb.Item>" */
export function describeType({ type, cardinality, mapKey }: Field): string {
  const name = type.kind === "scalar" ? type.scalar : type.fullName;
  return cardinality === "map" ? `map<${mapKey}, ${name}>` : cardinality === "repeated" ? `repeated ${name}` : name;
}

/** The literal of a field's zero value in ts-proto's type. Undefined if it is uncertain. */
export function zeroValue({ type, cardinality, mapKey }: Field, message: Message): string | undefined {
  if (cardinality === "repeated") {
    return "[]";
  }
  if (cardinality === "map") {
    // ts-proto uses a Map if the key type is not suitable for properties.
    return mapKey === "bool" || is64Bit(mapKey ?? "") ? "new Map()" : "{}";
  }
  if (type.kind === "message") {
    return undefined;
  }
  if (type.kind === "enum") {
    // Only proto3 guarantees that an enum has a zero value.
    return message.file.syntax === "proto3" ? "0" : undefined;
  }
  switch (type.scalar) {
    case "string":
      return '""';
    case "bool":
      return "false";
    case "bytes":
      return "Buffer.alloc(0)";
    default:
      return is64Bit(type.scalar) ? "0n" : "0";
  }
}

function sameType({ type: a }: Field, { type: b }: Field): boolean {
  if (a.kind === "scalar" || b.kind === "scalar") {
    return a.kind === "scalar" && b.kind === "scalar" && a.scalar === b.scalar;
  }
  return a.kind === b.kind && a.fullName === b.fullName;
}

function is64Bit(scalar: string): boolean {
  return scalar.endsWith("64");
}

function plain(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}
