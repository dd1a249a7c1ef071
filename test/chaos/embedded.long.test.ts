import { expect, test } from "vitest";
import { descendantsOf, living } from "../support/processes.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { expectNothingWrong, startChaos } from "./start-chaos.js";

const scope = createScope();

test("a short run kills a server and finds no problem", async () => {
  await expectNothingWrong(scope, "--embedded", "--seconds", "10");
}, 240_000);

test("SIGINT ends the run without leaving a process or a folder", async () => {
  const { chaos, left } = startChaos(scope, ["--embedded"]);
  await until(() => chaos.stderr().includes("all processes run"), { what: "chaos to begin", timeoutMs: 90_000 });
  const started = descendantsOf(chaos.pid);
  expect(started.length).toBeGreaterThan(2);
  expect(await chaos.stop("SIGINT")).toEqual({ code: 130, signal: null });
  await until(() => living(started).length === 0, { what: "all processes to be gone" });
  expect(left()).toEqual([]);
});
