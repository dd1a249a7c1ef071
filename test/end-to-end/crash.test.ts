import { describe, test } from "vitest";
import { createScope } from "../support/scope.js";
import { crashAtWrite, type Moment } from "./crash-at-write.js";

const scope = createScope();

/** A few of those in crash.long.test.ts. */
const moments: readonly Moment[] = [
  { mode: "sync", when: "after", write: 2, faultInject: false },
  { mode: "sync", when: "before", write: 3, faultInject: true },
  { mode: "async", when: "after", write: 1, faultInject: true },
  { mode: "throttled", when: "before", write: 2, faultInject: false },
];

describe("SIGKILL of the server at a journal write", () => {
  test.each(moments)("$when write $write of a $mode saga, FaultInject $faultInject", async (moment) => {
    await crashAtWrite(scope, moment);
  });
});
