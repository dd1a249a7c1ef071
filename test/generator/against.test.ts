import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../generator/check/check.js";
import { generatorCodes } from "../../generator/check/codes.js";
import type { SagaModel } from "../../generator/model.js";
import { readImage } from "../../generator/read/image.js";
import { read } from "../../generator/read/read.js";
import { breaks as structureBreaks } from "./support/breaks.js";
import { type Compiled, compile } from "./support/compile.js";
import { harmless } from "./support/harmless.js";
import { pluginTemplate } from "./support/plugin.js";
import { before, type Change } from "./support/shop.js";
import { topicBreaks } from "./support/topic-breaks.js";
import { createWorkspace, type Workspace } from "./support/workspace.js";

const breaks = [...structureBreaks, ...topicBreaks];
const changes = [...breaks, ...harmless];
/** All in one compilation, each in its own package and file. In the table, `shop` means both. */
const own = (text: string, at: number) =>
  text.replaceAll("shop.", `shop${at}.`).replace("package shop;", `package shop${at};`);
const changed = ({ from, to }: Change) => before.replace(from, to);

let now: Compiled;
let old: Compiled;
beforeAll(async () => {
  const files = (text: (change: Change) => string) =>
    Object.fromEntries(changes.map((change, at) => [`shop${at}.proto`, own(text(change), at)]));
  [now, old] = await Promise.all([compile(files(changed)), compile(files(() => before))]);
});

const modelOf = (compiled: Compiled, at: number): SagaModel => read(compiled.request([`shop${at}.proto`]));
const fingerprints = (model: SagaModel) =>
  new Map(
    check(model)
      .plan?.services.flatMap(({ facades }) => facades)
      .map(({ rpc, fingerprint }) => [rpc.fullName, fingerprint]),
  );

function placeOf(text: string, part: string) {
  const lines = text.slice(0, text.indexOf(part)).split("\n");
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

describe.each(changes.map((change, at) => ({ ...change, at })))("$name", (change) => {
  const { at, says, from } = change;

  test(says.length > 0 ? "is reported at its location, and nothing else" : "is no break", () => {
    expect(before.split(from), "the change is one").toHaveLength(2);
    const { diagnostics } = check(modelOf(now, at), modelOf(old, at));
    expect(diagnostics.map(({ code, message, place: { line, column } }) => ({ code, message, line, column }))).toEqual(
      says.map(([code, part, text]) => ({
        code,
        message: expect.stringContaining(own(text, at)),
        ...placeOf(own(changed(change), at), own(part, at)),
      })),
    );
    for (const { message } of diagnostics) {
      expect(message, "error; fix").toMatch(/^[^;]+; [^;]+$/);
    }
  });

  test("is a break exactly if a fingerprint changes, except for topics", () => {
    const [was, is] = [fingerprints(modelOf(old, at)), fingerprints(modelOf(now, at))];
    expect(is.size, "the changed protos are good").toBeGreaterThan(0);
    const differ = [...was].some(([name, fingerprint]) => is.get(name) !== fingerprint);
    expect(differ).toBe(says.some(([code]) => !code.startsWith("SAGA_BREAK_TOPIC")));
  });
});

test("every code of a break is exercised", () => {
  const exercised = breaks.flatMap(({ says }) => says.map(([code]) => code));
  const codes = Object.keys(generatorCodes).filter((code) => code.startsWith("SAGA_BREAK_"));
  expect([...new Set(exercised)].sort()).toEqual(codes.sort());
});

describe("many changes at once", () => {
  const both = async (text: string) => {
    const [one, two] = await Promise.all([compile({ "shop.proto": text }), compile({ "shop.proto": before })]);
    return check(read(one.request(["shop.proto"])), read(two.request(["shop.proto"]))).diagnostics;
  };

  test("are all reported in order of location, together with other errors", async () => {
    const text = before
      .replace('compensation: "Release"', 'compensation: "Free"')
      .replace("mode: MODE_ASYNC", "mode: MODE_THROTTLED")
      .replace('steps: {call: "shop.Up.Mail"}', "")
      .replace("mode: MODE_SYNC", "");
    expect((await both(text)).map(({ code }) => code)).toEqual([
      "SAGA_BREAK_COMPENSATION",
      "SAGA_BREAK_MODE",
      "SAGA_BREAK_STEP_REMOVED",
      "SAGA_MODE_MISSING",
    ]);
  });

  test("a step with an unknown RPC is reported once", async () => {
    const text = before.replace('{call: "shop.Up.Mail"}', '{call: "shop.Up.Male"}');
    expect((await both(text)).map(({ code }) => code)).toEqual(["SAGA_STEP_UNKNOWN"]);
  });
});

describe("an image", () => {
  let workspace: Workspace | undefined;
  afterEach(() => workspace?.remove());
  const project = () => {
    workspace = createWorkspace({
      "proto/shop.proto": before,
      "buf.gen.yaml": pluginTemplate(["stubs_dir=gen/node", "against=old.binpb"]),
    });
    return workspace;
  };

  test("of buf is compared with the protos by buf generate", async () => {
    const { directory, buf, write } = project();
    const missing = await buf("generate");
    expect(missing.code).not.toBe(0);
    expect(missing.stderr).toMatch(
      /SAGA_AGAINST_UNREADABLE: against=old\.binpb can't be read: ENOENT.*; create it with `buf build <input> -o image\.binpb`/,
    );
    const old = join(directory, "old.binpb");
    expect(await buf("build", "-o", "old.binpb")).toMatchObject({ code: 0 });
    write({ "node_modules/here": "" }); // Where runs are kept.
    expect(await buf("generate")).toEqual({ code: 0, stdout: "", stderr: "" });

    write({ "proto/shop.proto": before.replace("mode: MODE_SYNC", "mode: MODE_SYNC recovery: RECOVERY_CARRY_ON") });
    const broken = await buf("generate");
    expect(broken.code).not.toBe(0);
    const { line, column } = placeOf(before, "(saga.v1.facade) = {\n      mode: MODE_SYNC");
    expect(broken.stderr).toContain(
      `shop.proto:${line}:${column}: SAGA_BREAK_POLICY: the recovery of shop.Shop.Other was roll-back and is carry-on now; `,
    );
    // The same request, the image of today's protos: another answer, also from the cache.
    const image = readFileSync(old);
    expect(await buf("build", "-o", "old.binpb")).toMatchObject({ code: 0 });
    expect(await buf("generate")).toMatchObject({ code: 0 });
    writeFileSync(old, image);
    expect((await buf("generate")).stderr, "what is kept does not hide a break").toContain("SAGA_BREAK_POLICY");
  });

  test("is read compressed or not; other bytes are reported", async () => {
    const { directory, buf } = project();
    for (const [name, ...more] of [["image.binpb"], ["bare.binpb", "--exclude-imports"], ["image.json"]]) {
      expect(await buf("build", "-o", name ?? "", ...more)).toMatchObject({ code: 0 });
    }
    const bytes = (name: string) => readFileSync(join(directory, name));
    const whole = readImage(bytes("image.binpb"));
    expect(whole.model?.services.map(({ fullName }) => fullName)).toEqual(["shop.Shop"]);
    expect(readImage(gzipSync(bytes("image.binpb")))).toEqual(whole);
    expect(readImage(bytes("bare.binpb")).problem).toBe(
      "it has no google/protobuf/descriptor.proto; build it with its imports",
    );
    expect(readImage(bytes("image.json")).problem).toBe("it is JSON; build image.binpb");
    expect(readImage(new Uint8Array()).problem).toBe("it has no files");
    expect(readImage(bytes("image.binpb").subarray(0, 900)).problem).toMatch(/^it is not an image of buf: /);
    expect(readImage(Buffer.from("proto text")).problem).toMatch(/^it is not an image of buf: /);
  });
});
