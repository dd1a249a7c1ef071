import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nastyProtos } from "./emit-fixture.js";
import { createTypesProject, type TypesProject } from "./types-project.js";

describe("generated code beside ts-proto's", { timeout: 120_000 }, () => {
  let project: TypesProject;
  beforeAll(async () => {
    project = await createTypesProject(nastyProtos());
  }, 120_000);
  afterAll(() => project.remove());

  it("compiles under strict settings", async () => {
    expect(await project.typecheck()).toBe("");
  });

  it("is formatted and has nothing to lint", async () => {
    expect(await project.lint()).toBe("");
  });
});
