import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { readSaga } from "../engine/support/journal-file.js";
import { firstEntry } from "../journal/entries.js";
import { createScope } from "../support/scope.js";
import { describeSmallDisk, smallDisk } from "../support/small-disk.js";
import { until } from "../support/until.js";
import { createPlace, type Place } from "./booking.js";

const scope = createScope();

/** What a server says that does not start. */
async function complaint(place: Place): Promise<string> {
  const server = scope.start("examples/booking/main.ts", { env: { ...place.env, BOOKING_UPSTREAMS: "external" } });
  expect(await server.exited, server.stderr()).toEqual({ code: 1, signal: null });
  expect(server.stdout()).toBe("");
  return server.stderr();
}

test("a data_dir that is a file is named, with what to do", async () => {
  const file = join(scope.tempDir(), "data");
  writeFileSync(file, "mine");
  const said = await complaint(await createPlace(scope, { SAGA_DATA_DIR: file }));
  expect(said).toContain(`SAGA_JOURNAL_UNAVAILABLE: ${file}/journal.db can't be opened: ${file} is a file`);
  expect(said).toContain("SAGA_DATA_DIR");
});

describeSmallDisk("a server that starts on a disk", () => {
  test("that is read-only says so, and starts once it is not; what it held is there", async () => {
    const disk = smallDisk(scope, 4_000);
    const place = await createPlace(scope, { SAGA_DATA_DIR: disk.path });
    await place.startUpstreams();
    const first = await place.startServer();
    const told = await place.book("a");
    expect(told.code).toBe(0);
    await first.kill9();
    disk.readOnly();
    const said = await complaint(place);
    expect(said).toContain("SAGA_JOURNAL_UNAVAILABLE");
    expect(said).toContain("read-only");
    expect(said).not.toContain("    at ");
    disk.writable();
    await place.startServer();
    expect(await place.book("a")).toEqual(told);
  });

  test("that is full tells what it knows, takes no saga and leaves no call; with room again it takes them", async () => {
    const disk = smallDisk(scope, 4_000);
    const place = await createPlace(scope, { SAGA_DATA_DIR: disk.path });
    await place.startUpstreams();
    const first = await place.startServer();
    const told = await place.book("a");
    await first.kill9();
    disk.fill();
    await place.startServer();
    expect(await place.book("a")).toEqual(told);
    // The log has room that was taken before: it must be used up.
    const refused = await until(async () => {
      const id = `full-${Math.random()}`;
      const { code, info } = await place.book(id);
      return code === 0 ? undefined : { id, code, reason: info?.reason };
    });
    expect(refused).toMatchObject({ code: 14, reason: "SAGA_JOURNAL_UNAVAILABLE" });
    const ids = place.ledgers().orders.effects.map(({ requestId }) => requestId);
    if (readSaga(join(disk.path, "journal.db"), refused.id) === undefined) expect(ids).not.toContain(refused.id);
    disk.free();
    expect((await place.book("new")).code).toBe(0);
  });

  test("that is full where there is no journal yet says so; with room again one is made", async () => {
    const disk = smallDisk(scope, 400);
    disk.fill();
    const path = join(disk.path, "journal.db");
    expect(() => openSqliteJournal(path)).toThrow(expect.objectContaining({ code: "SAGA_JOURNAL_UNAVAILABLE" }));
    expect(() => openSqliteJournal(path)).toThrow(path);
    disk.free();
    const journal = openSqliteJournal(path);
    expect(await journal.create(firstEntry("a"))).toEqual([]);
    await journal.close();
  });
});
