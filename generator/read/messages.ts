import { type DescField, type DescFile, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { Edition, FieldDescriptorProto_Label } from "@bufbuild/protobuf/wkt";
import type { Field, FieldType, Message, ProtoFile } from "../model.js";
import { readSample } from "./sample.js";
import { propertyName, typeName } from "./ts-proto-names.js";

/** The model of a .proto file. */
export function readFile(file: DescFile): ProtoFile {
  return { path: `${file.name}.proto`, package: file.proto.package, syntax: syntaxOf(file) };
}

function syntaxOf({ edition }: DescFile): string {
  const name = Edition[edition].replace("EDITION_", "").toLowerCase();
  return name.startsWith("proto") ? name : `edition ${name}`;
}

/** The model of a message type. Fields contain only the names of their types, so messages may be recursive. */
export function readMessage(message: DescMessage): Message {
  return {
    fullName: message.typeName,
    file: readFile(message.file),
    typeName: typeName(message),
    fields: message.fields.map(readField),
    sample: readSample(message),
  };
}

function readField(field: DescField): Field {
  return {
    protoName: field.name,
    property: propertyName(field.name),
    type: fieldType(field),
    cardinality: field.fieldKind === "list" ? "repeated" : field.fieldKind === "map" ? "map" : "singular",
    ...(field.fieldKind === "map" ? { mapKey: scalarName(field.mapKey) } : {}),
    optional: isOptional(field),
    ...(field.oneof ? { oneof: propertyName(field.oneof.name) } : {}),
    redact: field.proto.options?.debugRedact ?? false,
  };
}

function fieldType(field: DescField): FieldType {
  if (field.message) {
    return { kind: "message", fullName: field.message.typeName };
  }
  if (field.enum) {
    return { kind: "enum", fullName: field.enum.typeName };
  }
  return { kind: "scalar", scalar: scalarName(field.scalar) };
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/**
 * Whether ts-proto's property may be undefined. For scalars and enums ts-proto knows presence in proto2 and as proto3's
 * `optional`, but not in editions: explicit presence is lost there.
 */
function isOptional(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") {
    return false;
  }
  if (field.fieldKind === "message" || field.oneof || field.proto.proto3Optional) {
    return true;
  }
  const isProto2 = field.parent.file.edition === Edition.EDITION_PROTO2;
  return isProto2 && field.proto.label === FieldDescriptorProto_Label.OPTIONAL;
}
