import type { Message, SampleField, SampleValue } from "../model.js";
import { braces, brackets, type Layout } from "./layout.js";
import { propertyKey } from "./names.js";

/** Creates messages with different values, so that tests notice a value in the wrong place. */
export function createSamples(): (message: Message) => Layout {
  let count = 0;

  function object(fields: readonly SampleField[]): Layout {
    return braces(fields.map((field) => [`${propertyKey(field.jsonName)}: `, entry(field)]));
  }

  function entry({ jsonName, value, cardinality, mapKey }: SampleField): Layout {
    if (cardinality === "repeated") {
      return brackets([one(jsonName, value)]);
    }
    if (cardinality === "map") {
      return braces([[`${key(jsonName, mapKey)}: `, one(jsonName, value)]]);
    }
    return one(jsonName, value);
  }

  function key(jsonName: string, kind: SampleField["mapKey"]): string {
    return kind === "bool" ? "true" : propertyKey(kind === "text" ? text(jsonName) : String(next()));
  }

  function one(jsonName: string, value: SampleValue): Layout {
    switch (value.kind) {
      case "text":
        return JSON.stringify(text(jsonName));
      case "integer":
        return String(next());
      case "long":
        return JSON.stringify(String(next()));
      case "fraction":
        return String(next() + 0.5);
      case "bytes":
        return JSON.stringify(Buffer.from(String(next())).toString("base64"));
      case "time":
        return JSON.stringify(new Date(Date.UTC(2030, 0, 1) + next() * 1_000).toISOString());
      case "enum":
        return JSON.stringify(value.name);
      case "message":
        return object(value.fields);
    }
  }

  function text(jsonName: string): string {
    return `${jsonName}-${next()}`;
  }

  function next(): number {
    count += 1;
    return count;
  }

  return ({ sample }) => object(sample);
}
