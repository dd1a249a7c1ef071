import { beforeEach, describe, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { createScope, type Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import type { OpenJournal } from "./conformance.js";
import { entry, firstEntry, numbersOf } from "./entries.js";
import { startLoad } from "./recorded-load.js";

const hourMs = 3_600_000;

/** How every journal must let go of sagas that have ended. @param place makes room for a fresh journal */
export function removalConformance(name: string, place: (scope: Scope) => OpenJournal): void {
  describe(`${name}, a journal that is to let go of ended sagas,`, () => {
    const scope = createScope();
    let open: () => Promise<Journal>;
    let journal: Journal;
    beforeEach(async () => {
      const opener = place(scope);
      open = async () => scope.use(await opener());
      journal = await open();
    });

    /** Makes sagas with two later entries each; the last one ends them. */
    async function end(...ids: string[]): Promise<void> {
      for (const id of ids) {
        await journal.create(firstEntry(id));
        await journal.append(entry(id, 1));
        await journal.append(entry(id, 2, { phase: "completed", answer: { ok: true, response: Uint8Array.of(1) } }));
      }
    }

    const left = async (...ids: string[]) => (await journal.loadMany(ids)).map(({ sagaId }) => sagaId).sort();

    test("removes those that ended, with all their records, also across a restart; open and stuck ones stay", async () => {
      const phases = ["open", "stuck", "completed", "compensated"] as const;
      for (const phase of phases) {
        await journal.create(firstEntry(`born ${phase}`, { phase }));
        await journal.create(firstEntry(`became ${phase}`));
        await journal.append(entry(`became ${phase}`, 1, { phase }));
      }
      expect(await journal.removeEnded(0, 100)).toBe(4);
      expect(await journal.removeEnded(0, 100)).toBe(0);
      await journal.close();
      journal = await open();
      const all = phases.flatMap((phase) => [`born ${phase}`, `became ${phase}`]);
      expect(await left(...all)).toEqual(["became open", "became stuck", "born open", "born stuck"]);
      expect(await numbersOf(journal, "became stuck")).toEqual([0, 1]);
      expect(await journal.load("became completed")).toBeUndefined();
    });

    test("keeps those that ended not long enough ago", async () => {
      await end("a");
      expect(await journal.removeEnded(hourMs, 100)).toBe(0);
      expect(await numbersOf(journal, "a")).toEqual([0, 1, 2]);
    });

    test("counts from the end, whatever was before it", async () => {
      await journal.create(firstEntry("a"));
      await journal.append(entry("a", 1, { phase: "stuck" }));
      expect(await journal.removeEnded(0, 100)).toBe(0);
      await journal.append(entry("a", 2));
      expect(await journal.removeEnded(0, 100), "an operator set it going again").toBe(0);
      await journal.append(entry("a", 3, { phase: "compensated" }));
      expect(await journal.removeEnded(0, 100)).toBe(1);
    });

    test("removes the oldest first, and no more at a time than its limit", async () => {
      for (const id of ["1", "2", "3", "4", "5"]) {
        await end(id);
        const ended = Date.now();
        await until(() => Date.now() > ended + 1);
      }
      expect(await journal.removeEnded(0, 2)).toBe(2);
      expect(await left("1", "2", "3", "4", "5")).toEqual(["3", "4", "5"]);
      expect(await journal.removeEnded(0, 2)).toBe(2);
      expect(await journal.removeEnded(0, 2)).toBe(1);
      expect(await journal.removeEnded(0, 2)).toBe(0);
    });

    test("lets a removed saga's id be used again, from its first entry on", async () => {
      await end("a");
      await journal.removeEnded(0, 100);
      expect(await journal.create(firstEntry("a", { fingerprint: "new" }))).toEqual([]);
      await journal.append(entry("a", 1));
      expect(await journal.load("a")).toMatchObject({ fingerprint: "new", phase: "open", answer: undefined });
      expect(await numbersOf(journal, "a")).toEqual([0, 1]);
    });

    test("refuses a late entry of a removed saga, and keeps nothing of it", async () => {
      await end("a");
      await journal.removeEnded(0, 100);
      const late = entry("a", 3, { messages: [{ topic: "t", key: "a", body: "late" }] });
      await expect(journal.append(late)).rejects.toMatchObject({ code: "SAGA_JOURNAL_CONFLICT" });
      expect(await journal.messages.pending()).toEqual([]);
      await journal.create(firstEntry("a"));
      expect(await numbersOf(journal, "a")).toEqual([0]);
    });

    test("keeps all messages: what nobody has taken care of yet, and dead letters", async () => {
      const message = { topic: "done", key: "a", body: "{}" };
      await journal.create(firstEntry("a", { phase: "completed", messages: [message] }));
      await journal.messages.addDeadLetter({ topic: "t", key: "a", body: "?" }, "no");
      expect(await journal.removeEnded(0, 100)).toBe(1);
      expect(await journal.messages.pending()).toEqual([expect.objectContaining(message)]);
      expect(await journal.messages.deadLetters("t")).toHaveLength(1);
    });

    test("lets go of nothing else, while others write", async () => {
      const load = startLoad(journal, "load", 16);
      const ids = Array.from({ length: 150 }, (_, at) => `ended-${at}`);
      await Promise.all(ids.map((id) => end(id)));
      let removed = 0;
      while (removed < ids.length) {
        removed += await journal.removeEnded(0, 7);
      }
      await load.stop();
      expect(removed).toBe(ids.length);
      expect(load.refused()).toBe(0);
      await load.check(journal);
      expect(await left(...ids)).toEqual([]);
    });

    test("reads many sagas at once, each with its own records", async () => {
      await end("a", "b", "é/1");
      await journal.create(firstEntry("c", { request: Uint8Array.of(9) }));
      const all = await journal.loadMany(["c", "nobody", "a", "\0", "é/1"]);
      const byId = new Map(all.map((stored) => [stored.sagaId, stored]));
      expect([...byId.keys()].sort()).toEqual(["a", "c", "é/1"]);
      for (const [id, stored] of byId) {
        expect(stored).toEqual(await journal.load(id));
      }
      expect(await journal.loadMany([])).toEqual([]);
    });

    test("removes nothing once it is closed", async () => {
      await end("a");
      await journal.close();
      const refusal = { code: "SAGA_JOURNAL_UNAVAILABLE" };
      await expect(journal.removeEnded(0, 1)).rejects.toMatchObject(refusal);
      await expect(journal.loadMany(["a"])).rejects.toMatchObject(refusal);
      journal = await open();
      expect(await left("a")).toEqual(["a"]);
    });
  });
}
