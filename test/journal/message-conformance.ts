import { beforeEach, describe, expect, test } from "vitest";
import type { Journal, Outgoing } from "../../runtime/journal/journal.js";
import { createScope, type Scope } from "../support/scope.js";
import type { OpenJournal } from "./conformance.js";
import { entry, firstEntry } from "./entries.js";

/** What every journal's message store must do. @param place makes room for a fresh journal */
export function messageConformance(name: string, place: (scope: Scope) => OpenJournal): void {
  describe(`${name}, a store of messages,`, () => {
    const scope = createScope();
    let open: () => Promise<Journal>;
    let journal: Journal;
    beforeEach(async () => {
      const opener = place(scope);
      open = async () => scope.use(await opener());
      journal = await open();
    });

    function message(body: string, topic = "cancel"): Outgoing {
      return { topic, key: "saga", body };
    }

    async function pending(): Promise<string[]> {
      return (await journal.messages.pending()).map(({ body }) => body);
    }

    test("keeps messages in the order in which they came, from entries and on their own", async () => {
      const stored = [
        await journal.create(firstEntry("a", { messages: [message("1"), message("2")] })),
        await journal.append(entry("a", 1, { messages: [message("3")] })),
        await journal.messages.add([message("4"), message("5", "other")]),
      ].flat();
      expect(await journal.messages.pending()).toEqual(stored);
      expect(await pending()).toEqual(["1", "2", "3", "4", "5"]);
      await journal.close();
      journal = await open();
      expect(await journal.messages.pending()).toEqual(stored);
    });

    test("gives every message all that it was stored with", async () => {
      const sent = { topic: "buchung_stornieren-ü", key: "a/1", body: '{"note":"☕ \\u0000 😀\\n"}' };
      const [stored] = await journal.messages.add([sent]);
      expect(stored).toEqual({ ...sent, id: expect.any(Number) });
      expect(await journal.messages.pending()).toEqual([stored]);
    });

    test("forgets a message that was handled, and no other", async () => {
      const [first, second] = await journal.messages.add([message("1"), message("2")]);
      await journal.messages.remove(first?.id ?? 0);
      await journal.messages.remove(first?.id ?? 0);
      expect(await journal.messages.pending()).toEqual([second]);
    });

    test("never gives a number again, also after the last was forgotten and a restart", async () => {
      const [first] = await journal.messages.add([message("1")]);
      await journal.messages.remove(first?.id ?? 0);
      await journal.close();
      journal = await open();
      const [second] = await journal.messages.add([message("2")]);
      expect(second?.id).toBeGreaterThan(first?.id ?? 0);
    });

    test("moves what can't be handled to the dead letters of its topic, with the first reason", async () => {
      const [bad, good, other] = await journal.messages.add([message("?"), message("{}"), message("!", "other")]);
      await journal.messages.bury(bad?.id ?? 0, "no JSON: «?»");
      await journal.messages.bury(bad?.id ?? 0, "said again");
      await journal.messages.bury(other?.id ?? 0, "neither");
      expect(await journal.messages.pending()).toEqual([good]);
      await journal.close();
      journal = await open();
      expect(await journal.messages.pending()).toEqual([good]);
      expect(await journal.messages.buried("cancel")).toEqual([
        { ...bad, topic: "cancel.dead-letter", reason: "no JSON: «?»" },
      ]);
      expect(await journal.messages.buried("other")).toEqual([expect.objectContaining({ body: "!" })]);
      expect(await journal.messages.buried("nothing")).toEqual([]);
    });

    test("stores nothing of an entry that is refused", async () => {
      await journal.create(firstEntry("a"));
      await journal.append(entry("a", 1));
      await expect(journal.append(entry("a", 1, { messages: [message("lost")] }))).rejects.toThrow();
      expect(await journal.create(firstEntry("a", { messages: [message("lost, too")] }))).toBe("exists");
      expect(await pending()).toEqual([]);
    });
  });
}
