import type { Field, Message } from "../model.js";

/** Whether two names are one but for case and underscores. */
export function sameName(a: string, b: string): boolean {
  return plain(a) === plain(b);
}

/** Whether a field holds the saga's id by its name. */
export function namesSagaId({ protoName, type, cardinality, oneof }: Field): boolean {
  const isString = type.kind === "scalar" && type.scalar === "string";
  return isString && cardinality === "singular" && !oneof && ["requestid", "sagaid"].includes(plain(protoName));
}

/** Whether a value of one field can be another's as it is. */
export function fits(source: Field, target: Field): boolean {
  return (
    sameType(source, target) &&
    source.cardinality === target.cardinality &&
    source.mapKey === target.mapKey &&
    // A oneof's member can't be read without asking first which one is set.
    source.oneof === undefined &&
    (target.optional || !source.optional)
  );
}

/** "int64", "repeated pb.Item", "map<string, pb.Item>" */
export function describeType({ type, cardinality, mapKey }: Field): string {
  const name = type.kind === "scalar" ? type.scalar : type.fullName;
  return cardinality === "map" ? `map<${mapKey}, ${name}>` : cardinality === "repeated" ? `repeated ${name}` : name;
}

/** The literal of a field's zero value as ts-proto types it; undefined where there is none to be sure of. */
export function zeroValue({ type, cardinality, mapKey }: Field, message: Message): string | undefined {
  if (cardinality === "repeated") {
    return "[]";
  }
  if (cardinality === "map") {
    // ts-proto takes a Map where a key is no good property name.
    return mapKey === "bool" || is64Bit(mapKey ?? "") ? "new Map()" : "{}";
  }
  if (type.kind === "message") {
    return undefined;
  }
  if (type.kind === "enum") {
    // Only proto3 makes sure that an enum has a zero.
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
