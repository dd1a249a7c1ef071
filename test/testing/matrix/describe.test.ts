import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { describeFaultMatrix } from "../../../runtime/testing/matrix/describe.js";
import { faultMatrix } from "../../../runtime/testing/matrix/matrix.js";
import { facadeOf } from "../../engine/support/facade.js";
import { createScope } from "../../support/scope.js";

const scope = createScope();

/** A test runner that only notes what it is given. */
function createNotes() {
  const groups: string[] = [];
  const tests = new Map<string, (() => Promise<void>) | "skipped">();
  return {
    groups,
    tests,
    describe(name: string, body: () => void) {
      groups.push(name);
      body();
    },
    test: Object.assign((name: string, body: () => Promise<void>) => tests.set(name, body), {
      skip: (name: string) => tests.set(name, "skipped"),
    }),
  };
}

describe("a facade's matrix", () => {
  const facade = facadeOf({ name: "shop.Shop/Buy", steps: { look: { kind: "read" }, pay: {} } });

  test("has a test of each fault for each step, and skips none without saying why", async () => {
    const { describe, test, groups, tests } = createNotes();
    describeFaultMatrix({ describe, test, facade });
    expect(groups).toEqual(["the fault matrix of shop.Shop/Buy"]);
    expect(tests.size).toBe(1 + 2 * 12);
    const skipped = [...tests].flatMap(([name, body]) => (body === "skipped" ? [name] : []));
    expect(skipped).toEqual([
      "look: compensation fails once does not apply: a step without an effect has nothing to undo",
      "look: compensation fails for good does not apply: a step without an effect has nothing to undo",
      "look: late arrival does not apply: a step without an effect has nothing to undo, " +
        "so no request can come after its compensation",
    ]);
    const run = tests.get("pay: late arrival");
    expect(await (run === "skipped" ? undefined : run?.())).toBeUndefined();
  });

  test("tells what was expected and what was seen", async () => {
    const found = faultMatrix({ facade }).find(({ name }) => name === "pay: business error");
    const result = await found?.run();
    expect(result?.expected).toBe(found?.expected);
    expect(result?.seen).toMatchObject({
      calls: [
        { method: "/look", key: "look" },
        { method: "/pay", key: "pay" },
      ],
      state: "COMPENSATED",
      answer: { ok: false, status: "FAILED_PRECONDITION", reason: "SAGA_STEP_FAILED", step: "pay" },
      left: [],
      broken: [],
    });
    expect(await found?.run(), "each run is the same").toEqual(result);
  });

  test("is one failing case that names every todo, while there are some", async () => {
    const file = join(scope.tempDir(), "node.ts");
    mkdirSync(join(file, ".."), { recursive: true });
    writeFileSync(
      file,
      'import { todo } from "protosaga";\n\nexport const a = received?.a ?? todo("amount: int64");\n',
    );
    const cases = faultMatrix({ facade: { ...facade, nodeFile: pathToFileURL(file) } });
    expect(cases.map(({ name }) => name)).toEqual(["the nodes are filled in"]);
    await expect(cases[0]?.run()).rejects.toThrow(
      `SAGA_NODE_TODO: 1 todo is left in the node files, so the fault matrix can't run; fill them in:\n` +
        `  ${relative(".", file)}:3: todo("amount: int64")`,
    );
  });
});
