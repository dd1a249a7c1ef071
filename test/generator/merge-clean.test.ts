import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { tripProto, tripStub } from "./merge-fixture.js";
import { pluginTemplate } from "./support/plugin.js";
import { createWorkspace, type Workspace } from "./support/workspace.js";

describe("node files under buf generate", { timeout: 60_000 }, () => {
  let workspace: Workspace | undefined;
  afterEach(() => workspace?.remove());

  it.each([
    ["without clean", ""],
    ["with clean", "clean: true\n"],
  ])("survive every run, %s", async (_, clean) => {
    const template = pluginTemplate(["stubs_dir=gen/node", "cache=false"]).replace("inputs:", `${clean}inputs:`);
    workspace = createWorkspace({ "proto/trip.proto": tripProto(["flight"]), "buf.gen.yaml": template });
    const { directory, buf, write } = workspace;
    const text = (path: string): string => readFileSync(join(directory, "gen/node", path), "utf8");
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });
    const mine = `\uFEFF${text(tripStub).replaceAll("\n", "\r\n")}// mine\r\n`;
    write({ [`gen/node/${tripStub}`]: mine, "gen/node/helpers/mine.ts": "export const x = 1" });
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });
    expect(text(tripStub)).toBe(mine);
    write({ "proto/trip.proto": tripProto(["flight", "car"]) });
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });
    expect(text(tripStub).startsWith(mine)).toBe(true);
    expect(text(tripStub)).toContain("export const car");
    const broken = `${mine}export const {`;
    write({ [`gen/node/${tripStub}`]: broken });
    expect(await buf("generate")).toMatchObject({ stderr: expect.stringContaining("SAGA_STUB_SYNTAX") });
    expect(text(tripStub)).toBe(broken);
    expect(text("helpers/mine.ts")).toBe("export const x = 1");
  });
});
