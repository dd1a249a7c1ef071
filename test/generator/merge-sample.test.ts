import { describe, expect, it } from "vitest";
import { mergeInto, tripPlan, tripSample, tripStub } from "./merge-fixture.js";

describe("a sample file", () => {
  const written = async () => (await mergeInto(await tripPlan(), {}, "vitest")).files[tripSample] ?? "";

  it("is written if there is none, and only if specs are wanted", async () => {
    expect(await written()).toContain("export const sample: Sample<BookDto> = {};");
    expect(Object.keys((await mergeInto(await tripPlan())).files)).toEqual([tripStub]);
  });

  it.each([
    ["specs", "vitest"],
    ["no specs", "none"],
  ] as const)("is never changed, whatever its content, with %s", async (_, spec) => {
    const stub = (await mergeInto(await tripPlan())).files[tripStub] ?? "";
    for (const text of [`${await written()}// mine\r\n`, "", "\uFEFFexport const sample = {", "// nothing left"]) {
      const { files, said } = await mergeInto(await tripPlan(), { [tripStub]: stub, [tripSample]: text }, spec);
      expect(files).toEqual({ [tripStub]: stub, [tripSample]: text });
      expect(said).toEqual([]);
    }
  });

  it("is kept when its facade was removed, with a warning", async () => {
    const gone = "trip/trip-service/cancel.sample.ts";
    const text = (await written()).replace("dto/trip/trip-service/book.js", "dto/trip/trip-service/cancel.js");
    const { files, said } = await mergeInto(await tripPlan(), { [gone]: text, "mine.sample.ts": "// not one" });
    expect(files).toMatchObject({ [gone]: text, "mine.sample.ts": "// not one" });
    expect(said).toEqual([
      `generated/node/${gone}:2:25: SAGA_STUB_FACADE_GONE: The facade of this sample file no longer exists; ` +
        "delete the file if it is not needed",
    ]);
  });

  it("that is not UTF-8 is left unchanged", async () => {
    const { files, said } = await mergeInto(await tripPlan(), { [tripSample]: Uint8Array.of(0xff) }, "vitest");
    expect(Object.keys(files)).toEqual([tripStub]);
    expect(said[0]).toContain("SAGA_STUB_ENCODING");
  });
});
