import { beforeEach, describe, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { createScope, type Scope } from "../support/scope.js";
import type { OpenJournal } from "./conformance.js";
import { entry, firstEntry } from "./entries.js";

/** What every journal must tell of the sagas that have not ended. @param place makes room for a fresh journal */
export function inFlightConformance(name: string, place: (scope: Scope) => OpenJournal): void {
  describe(`${name}, asked what is in flight,`, () => {
    const scope = createScope();
    let open: () => Promise<Journal>;
    let journal: Journal;
    beforeEach(async () => {
      const opener = place(scope);
      open = async () => scope.use(await opener());
      journal = await open();
    });

    test("returns nothing if no saga is in flight", async () => {
      expect(await journal.inFlight()).toEqual([]);
      await journal.create(firstEntry("done", { phase: "completed" }));
      expect(await journal.inFlight()).toEqual([]);
    });

    test("counts what is open and what is stuck by structure, with the oldest few", async () => {
      const from = Date.now();
      const [b, c] = [
        { facade: "pb.B/Run", fingerprint: "f1" },
        { facade: "pb.C/Run", fingerprint: "f1" },
      ];
      for (let n = 0; n < 7; n++) {
        await journal.create(firstEntry(`b${n}`, b));
      }
      await journal.create(firstEntry("c0", c));
      await journal.create(firstEntry("b-of-another", { ...b, fingerprint: "f0" }));
      await journal.create(firstEntry("ends", b));
      await journal.append(entry("b1", 1, { phase: "stuck" }));
      await journal.append(entry("b2", 1, { phase: "compensated" }));
      await journal.append(entry("c0", 1, { phase: "stuck" }));
      await journal.append(entry("ends", 1, { phase: "completed" }));
      const told = await journal.inFlight();
      expect(told).toEqual([
        { ...b, open: 5, stuck: 1, oldestMs: expect.any(Number), sagaIds: ["b0", "b1", "b3", "b4", "b5"] },
        { ...b, fingerprint: "f0", open: 1, stuck: 0, oldestMs: expect.any(Number), sagaIds: ["b-of-another"] },
        { ...c, open: 0, stuck: 1, oldestMs: expect.any(Number), sagaIds: ["c0"] },
      ]);
      for (const { oldestMs } of told) {
        expect(Number.isInteger(oldestMs) && oldestMs >= from - 60_000 && oldestMs <= Date.now() + 60_000).toBe(true);
      }
      await journal.close();
      journal = await open();
      expect(await journal.inFlight()).toEqual(told);
    });

    test("fails once it is closed", async () => {
      await journal.close();
      await expect(journal.inFlight()).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    });
  });
}
