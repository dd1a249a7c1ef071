import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { loadedAnnotations, readAnnotations } from "protosaga/upstream";
import { expect, test } from "vitest";
import { createWorkspace } from "../generator/support/workspace.js";
import { loadShop, shopProto } from "./support/shop.js";

const plain = { kind: "plain", compensation: "", compensateOnFailure: false };

const expected = {
  "/shop.Shop/Reserve": { kind: "step", compensation: "Release", compensateOnFailure: true },
  "/shop.Shop/Hold": { ...plain, kind: "step", compensation: "Release" },
  "/shop.Shop/Release": { ...plain, kind: "compensation" },
  "/shop.Shop/Charge": { ...plain, kind: "step" },
  "/shop.Shop/Look": { ...plain, kind: "read" },
  "/shop.Shop/Rename": plain,
  "/shop.Shop/Watch": plain,
  "/shop.Shop/Collect": plain,
  "/shop.Shop/Chat": plain,
};

/** What `buf build -o` writes for a proto file. */
async function image(text: string, ...flags: string[]): Promise<Buffer> {
  const workspace = createWorkspace({ "proto/shop.proto": text });
  try {
    const built = await workspace.buf("build", "-o", "image.binpb", ...flags);
    expect(built).toMatchObject({ code: 0 });
    return readFileSync(join(workspace.directory, "image.binpb"));
  } finally {
    workspace.remove();
  }
}

test.each([[], ["--as-file-descriptor-set"]])("are read from what buf builds %o", async (...flags) => {
  const annotations = readAnnotations(await image(readFileSync(shopProto, "utf8"), ...flags));
  expect(Object.fromEntries([...annotations].filter(([path]) => path.startsWith("/shop.")))).toEqual(expected);
});

test("are taken from what proto-loader loads", () => {
  expect(Object.fromEntries(loadedAnnotations(loadShop()))).toEqual(expected);
});

test("may be written in several statements", async () => {
  const text = `syntax = "proto3";
    package shop;
    import "saga/v1/saga.proto";
    service Shop {
      rpc Reserve(Nothing) returns (Nothing) {
        option (saga.v1.step).timeout.seconds = 2;
        option (saga.v1.step).compensate_on_failure = true;
        option (saga.v1.step).compensation = "Release";
      }
      rpc Release(Nothing) returns (Nothing) {
        option (saga.v1.compensation).timeout.seconds = 2;
      }
    }
    message Nothing {}`;
  const annotations = readAnnotations(await image(text));
  expect(annotations.get("/shop.Shop/Reserve")).toEqual(expected["/shop.Shop/Reserve"]);
  expect(annotations.get("/shop.Shop/Release")).toEqual(expected["/shop.Shop/Release"]);
});

test("are not read from incomplete or other bytes; the error says what to pass", async () => {
  const whole = await image(readFileSync(shopProto, "utf8"));
  const wrong = [
    whole.subarray(0, whole.length - 7),
    gzipSync(whole),
    Buffer.from('syntax = "proto3";\n'),
    Buffer.from("{}"),
  ];
  for (const bytes of wrong) {
    expect(() => readAnnotations(bytes)).toThrow(
      /^SAGA_DEFINITION_INVALID: \d+ bytes given to readAnnotations are not a complete FileDescriptorSet .*buf build -o image\.binpb/,
    );
  }
});
