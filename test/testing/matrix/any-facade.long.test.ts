import { test } from "vitest";
import { playAnyFacade } from "./any-facade.js";

test("the engine follows the rules on 40 random facades, whatever the fault", { timeout: 300_000 }, async () => {
  await playAnyFacade(40);
});
