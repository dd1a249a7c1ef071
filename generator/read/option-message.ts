import {
  type DescField,
  type DescMethod,
  type FileRegistry,
  getOption,
  hasOption,
  isMessage,
} from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import type { SourcePath } from "./places.js";

/** The message of an option, or a message inside it, with its source path. */
export interface OptionMessage {
  readonly message: ReflectMessage;
  readonly path: SourcePath;
}

/**
 * The value of a message-typed method option, by the option's full name; undefined if the RPC doesn't have it.
 * @param methodPath the source path of the RPC
 */
export function methodOption(
  registry: FileRegistry,
  method: DescMethod,
  methodPath: SourcePath,
  optionName: string,
): OptionMessage | undefined {
  const extension = registry.getExtension(optionName);
  const desc = extension?.message;
  if (!extension || !desc || extension.extendee.typeName !== "google.protobuf.MethodOptions") {
    return undefined;
  }
  if (!hasOption(method, extension)) {
    return undefined;
  }
  const value: unknown = getOption(method, extension);
  if (!isMessage(value)) {
    return undefined;
  }
  return { message: reflect(desc, value), path: [...methodPath, 4, extension.number] };
}

/** A string field; "" if it is not set. */
export function text(option: OptionMessage, name: string): string {
  const value = valueIn(option, name);
  return typeof value === "string" ? value : "";
}

/** A bool field; false if it is not set. */
export function flag(option: OptionMessage, name: string): boolean {
  return valueIn(option, name) === true;
}

/** A 32-bit, double or enum field; 0 if it is not set. */
export function number(option: OptionMessage, name: string): number {
  const value = valueIn(option, name);
  return typeof value === "number" ? value : 0;
}

/** A 64-bit field; 0 if it is not set. */
export function bigint(option: OptionMessage, name: string): bigint {
  const value = valueIn(option, name);
  return typeof value === "bigint" ? value : 0n;
}

/** A message field; undefined if it is not set. */
export function child(option: OptionMessage, name: string): OptionMessage | undefined {
  const field = fieldOf(option, name);
  const value = valueIn(option, name);
  return field && isReflectMessage(value) ? { message: value, path: [...option.path, field.number] } : undefined;
}

/** The entries of a repeated message field. */
export function children(option: OptionMessage, name: string): readonly OptionMessage[] {
  const field = fieldOf(option, name);
  if (field?.fieldKind !== "list") {
    return [];
  }
  return [...option.message.get(field)].flatMap((entry, position) =>
    isReflectMessage(entry) ? [{ message: entry, path: [...option.path, [field.number, position] as const] }] : [],
  );
}

/** The source path of a field, set or not. */
export function pathOf(option: OptionMessage, name: string): SourcePath {
  const field = fieldOf(option, name);
  return field ? [...option.path, field.number] : option.path;
}

function fieldOf(option: OptionMessage, name: string): DescField | undefined {
  return option.message.fields.find((field) => field.name === name);
}

function valueIn(option: OptionMessage, name: string): unknown {
  const field = fieldOf(option, name);
  return field && option.message.isSet(field) ? option.message.get(field) : undefined;
}
