import { beforeEach, describe, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { encodeRecord } from "../../runtime/journal/record.js";
import { createScope, type Scope } from "../support/scope.js";
import type { OpenJournal } from "./conformance.js";
import { entry, firstEntry } from "./entries.js";

/** How long a saga must be idle here, ms: much longer than a few entries take. */
const idleMs = 1_500;

/** How every journal must list open sagas without a recent entry. @param place makes room for a fresh journal */
export function idleConformance(name: string, place: (scope: Scope) => OpenJournal): void {
  describe(`${name}, idle sagas:`, () => {
    const scope = createScope();
    let journal: Journal;
    beforeEach(async () => {
      journal = scope.use(await place(scope)());
    });

    const record = () => encodeRecord(Date.now(), []);
    const begin = async (...ids: string[]) => {
      for (const id of ids) await journal.create(firstEntry(id, { record: record() }));
    };
    const append = (id: string, seq: number, phase: "open" | "stuck" | "completed" = "open") =>
      journal.append(entry(id, seq, { record: record(), phase }));
    const pause = () => new Promise((resolve) => setTimeout(resolve, idleMs + 50));

    test("are the open ones whose last entry is old enough", async () => {
      await begin("idle", "moved", "ended", "stuck");
      await append("idle", 1);
      await append("idle", 2);
      await append("ended", 1, "completed");
      await append("stuck", 1, "stuck");
      expect(await journal.listIdle(idleMs, 10, "")).toEqual([]);
      await pause();
      await begin("new");
      await append("moved", 1);
      expect(await journal.listIdle(idleMs, 10, "")).toEqual([{ sagaId: "idle", entries: 3 }]);
      expect(await journal.listIdle(60_000, 10, "")).toEqual([]);
    });

    test("come a page at a time, each once", async () => {
      const ids = Array.from({ length: 505 }, (_, at) => `saga-${at}`);
      await Promise.all(ids.map((id) => journal.create(firstEntry(id, { record: record() }))));
      await pause();
      const seen: string[] = [];
      let pages = 0;
      for (let more = true; more; pages++) {
        const page = await journal.listIdle(idleMs, 100, seen.at(-1) ?? "");
        seen.push(...page.map(({ sagaId }) => sagaId));
        more = page.length === 100;
      }
      expect(seen.toSorted()).toEqual(ids.toSorted());
      expect(pages).toBe(6);
    });

    test("can't be listed once it is closed", async () => {
      await journal.close();
      await expect(journal.listIdle(0, 1, "")).rejects.toMatchObject({ code: "SAGA_JOURNAL_UNAVAILABLE" });
    });
  });
}
