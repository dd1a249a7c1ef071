import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { describeSmallDisk, smallDisk } from "../support/small-disk.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";

describeSmallDisk("a server whose log is on a full disk", () => {
  const scope = createScope();

  test("works on, logs again once there is room, and stops in good order", async () => {
    const disk = smallDisk(scope, 400);
    const place = await createPlace(scope, { SAGA_LOG_LEVEL: "trace" });
    await place.startUpstreams();
    const path = join(disk.path, "server.log");
    const stderr = openSync(path, "a");
    scope.defer(() => closeSync(stderr));
    const server = await place.startServer(undefined, [], { stderr });
    const book = (name: string) =>
      Promise.all([0, 1, 2, 3].map((n) => place.book(`${name}-${n}`, { faultInject: n % 2 === 1 })));
    const codes = (answers: Awaited<ReturnType<typeof book>>) => answers.map(({ code }) => code);
    await book("before");
    await until(() => readFileSync(path, "utf8").includes("before-3"));
    disk.fill();
    for (let round = 0; round < 10; round++) {
      expect(codes(await book(`full-${round}`)), `round ${round}`).toEqual([0, 3, 0, 3]);
    }
    expect(readFileSync(path, "utf8")).not.toContain("full-9-3");
    disk.free();
    await until(async () => {
      await book("after");
      return readFileSync(path, "utf8").includes("full-9-3");
    });
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(readFileSync(path, "utf8").trim().split("\n").at(-1)).toContain('"msg":"stopped"');
  });
});
