import type { DescMessage } from "@bufbuild/protobuf";

/**
 * The name of a field's or a oneof's property in ts-proto 2 with its default `snakeToCamel=keys_json`:
 * `product_id` → `productId`; a name without an underscore stays as it is: `ProductID`.
 */
export function propertyName(protoName: string): string {
  if (!protoName.includes("_")) {
    return protoName;
  }
  // Words keep their case unless the whole name is in upper case: `FOO_BAR` → `fooBar`, `foo_BAR` → `fooBAR`.
  const words = (/[a-z]/.test(protoName) ? protoName : protoName.toLowerCase()).split("_");
  return words.map((word, position) => (position === 0 ? word : upperFirst(word))).join("");
}

/** The name of a message type in ts-proto 2: `Outer_Inner` for nested types. */
export function typeName(message: DescMessage): string {
  const name = qualified(message);
  // ts-proto avoids these two built-in names.
  return name === "Date" || name === "Function" ? `${name}Message` : name;
}

function qualified(message: DescMessage): string {
  const own = propertyName(message.name);
  return message.parent ? `${qualified(message.parent)}_${own}` : own;
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
