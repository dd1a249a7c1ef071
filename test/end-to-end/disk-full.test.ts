import { join } from "node:path";
import { expect, test } from "vitest";
import { readSaga } from "../engine/support/journal-file.js";
import { describeFaultyDisk, type FaultyDisk, faultyDisk } from "../support/faulty-disk.js";
import type { RunningProcess } from "../support/process.js";
import { createScope } from "../support/scope.js";
import { describeSmallDisk, smallDisk } from "../support/small-disk.js";
import { until } from "../support/until.js";
import { createPlace, type Place } from "./booking.js";
import { askAgain, compare, startLoad } from "./kill-load.js";

const scope = createScope();

/** How a disk is harmed, and made well again. */
interface Trouble {
  begin(): void;
  end(): void;
}

/** Books in all modes, has the disk fail and get well, and holds answers and ledgers against each other. */
async function troubleUnderLoad(place: Place, server: RunningProcess, trouble: Trouble): Promise<void> {
  const file = join(place.env.SAGA_DATA_DIR ?? "", "journal.db");
  const load = startLoad(place, 0, { clients: 12, mostInRound: 2_000, pauseMs: 50 });
  await until(() => load.begun() > 60, { what: "a load" });
  trouble.begin();
  await until(() => server.stderr().split('"reason":"SAGA_JOURNAL_UNAVAILABLE"').length > 40, { what: "refusals" });
  // Asked before the ledgers are read: what is journaled later would not count.
  const { orders, payments } = place.ledgers();
  const touched = new Set([...orders.effects, ...payments.effects].map(({ requestId }) => requestId));
  for (const id of touched) {
    expect(readSaga(file, id), `${id} reached an upstream, so it is journaled`).toBeDefined();
  }
  trouble.end();
  const begun = load.begun();
  await until(() => load.begun() > begun + 60, { what: "bookings once the disk is well again" });
  const bookings = await load.stop();
  const refusals = bookings.filter(({ told }) => told.info?.reason === "SAGA_JOURNAL_UNAVAILABLE");
  expect(refusals.length).toBeGreaterThan(20);
  expect(new Set(refusals.map(({ told }) => told.code)), "UNAVAILABLE").toEqual(new Set([14]));
  await place.settled(bookings.map(({ id }) => id));
  const final = await askAgain(place, bookings, "in trouble with the disk");
  await place.settled(bookings.map(({ id }) => id));
  compare(place, bookings, final);
}

describeSmallDisk("a server whose disk is full", () => {
  test("refuses new sagas, loses and doubles none, and goes on by itself once there is room again", async () => {
    const disk = smallDisk(scope, 12_000);
    const place = await createPlace(scope, { SAGA_DATA_DIR: disk.path });
    await place.startUpstreams();
    await troubleUnderLoad(place, await place.startServer(), { begin: disk.fill, end: disk.free });
  });
});

describeFaultyDisk("a server whose disk fails while it runs", () => {
  const troubles: [string, (disk: FaultyDisk) => void][] = [
    ["is read-only", (disk) => disk.fail("write", "EROFS")],
    ["can't be synced", (disk) => disk.fail("fsync", "EIO")],
  ];
  test.each(troubles)("%s: the same", async (_, fail) => {
    const disk = faultyDisk(scope);
    const place = await createPlace(scope, { SAGA_DATA_DIR: disk.path });
    await place.startUpstreams();
    const server = await place.startServer(undefined, [], { env: { ...disk.env, FAULTY_DISK_SYNCED: "" } });
    await troubleUnderLoad(place, server, { begin: () => fail(disk), end: disk.heal });
  });
});
