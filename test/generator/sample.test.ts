import { beforeAll, describe, expect, it } from "vitest";
import { print } from "../../generator/emit/layout.js";
import { createSamples } from "../../generator/emit/sample.js";
import { readMessage } from "../../generator/read/messages.js";
import { type Everything, loadEverything } from "../facade/support/everything.js";

describe("a made-up message", { timeout: 60_000 }, () => {
  let everything: Everything;
  let json: Record<string, unknown>;
  beforeAll(async () => {
    everything = await loadEverything();
    const layout = createSamples()(readMessage(everything.descriptor));
    json = new Function(`return (${print(layout)});`)();
  });

  it("is read and written unchanged by ts-proto, with every option of ours", () => {
    for (const codec of Object.values(everything.codecs)) {
      const read = codec.decode(codec.encode(codec.fromJSON(json)).finish());
      expect(codec.toJSON(read)).toEqual(json);
    }
  });

  it("has every kind of field but flags, further members of a oneof, and well-known types without a JSON that all agree on", () => {
    const missing = everything.descriptor.fields.map(({ jsonName }) => jsonName).filter((name) => !(name in json));
    const others = [
      "byNumber",
      "byMessage",
      "byColor",
      "byBytes",
      "byTime",
      "took",
      "struct",
      "value",
      "mask",
      "any",
      "wrappedBytes",
    ];
    expect(missing.sort()).toEqual([...others, "aBool", "bools", "maybeBool"].sort());
  });

  it("has no value twice", () => {
    const values: unknown[] = [];
    const collect = (value: unknown): void => {
      if (typeof value === "object" && value !== null) {
        Object.values(value).forEach(collect);
      } else if (value !== "COLOR_RED") {
        values.push(value);
      }
    };
    collect(json);
    expect(values.length).toBeGreaterThan(30);
    expect(new Set(values.map(String)).size).toBe(values.length);
    expect(values).not.toContain(0);
  });
});
