import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createRegister } from "../../runtime/engine/register.js";

test("what was set is found until it is deleted, or set anew; values come in the order of their keys", () => {
  const register = createRegister<number>();
  expect([register.has("a"), register.get("a")]).toEqual([false, undefined]);
  register.set("a", 1);
  register.set("b", 2);
  register.set("a", 3);
  expect([register.has("a"), register.get("a")]).toEqual([true, 3]);
  expect([[...register.keys()], register.values()]).toEqual([
    ["a", "b"],
    [3, 2],
  ]);
  register.delete("a");
  register.delete("a");
  expect([register.has("a"), register.get("a"), register.values()]).toEqual([false, undefined, [2]]);
  register.set("a", 4);
  expect(register.values()).toEqual([2, 4]);
});

test("what has gone does not outlive the young generation, as nearly half of it does in a Map", async () => {
  // Bytes, of some 100 MB.
  expect(await promoted("register")).toBeLessThan((await promoted("map")) / 4);
});

/** How much a process in which values come and go has moved to the old generation, bytes. */
async function promoted(kind: "register" | "map"): Promise<number> {
  const program = fileURLToPath(new URL("support/churn.ts", import.meta.url));
  const args = ["--expose-gc", "--trace-gc-nvp", "--max-semi-space-size=4", "--import", "tsx", program, kind];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return [...stdout.matchAll(/ promoted=(\d+) /g)].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}
