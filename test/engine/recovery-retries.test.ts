import { expect, test } from "vitest";
import { Admission } from "../../runtime/engine/admission.js";
import { Executions } from "../../runtime/engine/executions.js";
import { Timers } from "../../runtime/engine/ports.js";
import { Recovery } from "../../runtime/engine/recovery.js";
import type { ExecutionHost } from "../../runtime/engine/saga-execution.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { until } from "../support/until.js";
import { hastyClock } from "./support/clocks.js";

test("a saga that never began is not remembered for a retry: a journal's outage leaves nothing behind", async () => {
  let loads = 0;
  const journal = {
    shared: false,
    load: async () => {
      loads++;
      return undefined;
    },
  } as unknown as Journal;
  const recovery = new Recovery({
    host: { clock: hastyClock } as unknown as ExecutionHost,
    journal,
    executions: new Executions(new Admission({ async: 1, throttled: 1 }, journal, hastyClock)),
    byName: new Map(),
    timers: new Timers(hastyClock),
    isDraining: () => false,
    isStopped: () => false,
  });
  expect(recovery.later("s")).toBe(true);
  await until(() => loads === 1);
  await recovery.empty();
  expect(recovery.later("s"), "it is the first one again").toBe(true);
});
