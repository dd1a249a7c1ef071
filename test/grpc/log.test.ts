import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLogStream } from "../../runtime/grpc/log.js";
import { createScope } from "../support/scope.js";
import { describeSmallDisk, smallDisk } from "../support/small-disk.js";
import { until } from "../support/until.js";

describeSmallDisk("the log", () => {
  const scope = createScope();

  test("keeps a mebibyte of lines while its disk is full, and logs how many more were lost", async () => {
    const disk = smallDisk(scope, 8_000);
    const path = join(disk.path, "log");
    const file = openSync(path, "a");
    scope.defer(() => closeSync(file));
    const stream = createLogStream(file);
    const write = (n: number) => stream.write(`${JSON.stringify({ n, text: "x".repeat(1_000) })}\n`);
    const read = () =>
      readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .map((line): { n?: number; lines?: number } => JSON.parse(line));
    write(0);
    disk.fill();
    for (let n = 1; n <= 3_000; n++) write(n);
    disk.free();
    await until(() => {
      write(-1);
      return readFileSync(path, "utf8").includes('"lines":');
    });
    const numbers = read().flatMap(({ n = -1 }) => (n > 0 ? [n] : []));
    expect(numbers, "whole lines, in their order").toEqual(numbers.map((_, at) => at + 1));
    expect(numbers.length).toBeGreaterThan(1_000);
    const lost = read().reduce((sum, { lines = 0 }) => sum + lines, 0);
    const after = read().filter(({ n }) => n === -1).length;
    expect(numbers.length + lost + after).toBeGreaterThanOrEqual(3_000);
  });
});
