import { describe, test } from "vitest";
import { createScope } from "../support/scope.js";
import { crashAtWrite, type Moment } from "./crash-at-write.js";

const scope = createScope();

const sync = [1, 2, 3, 4].flatMap((write) =>
  [false, true].flatMap((faultInject): Moment[] =>
    write === 4 && !faultInject
      ? [] // There is no such write.
      : [
          { mode: "sync", when: "before", write, faultInject },
          { mode: "sync", when: "after", write, faultInject },
        ],
  ),
);
const onTopics = (["async", "throttled"] as const).flatMap((mode) =>
  [1, 2, 3, 4].flatMap((write): Moment[] => [
    { mode, when: "before", write, faultInject: write === 4 },
    { mode, when: "after", write, faultInject: true },
  ]),
);

describe("SIGKILL of the server at a journal write", () => {
  test.each([...sync, ...onTopics])("$when write $write of a $mode saga, FaultInject $faultInject", async (moment) => {
    await crashAtWrite(scope, moment);
  });
});
