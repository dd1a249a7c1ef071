import { beforeEach, describe, expect, test } from "vitest";
import type { Journal, Message, StoredMessage } from "../../runtime/journal/journal.js";
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

    function message(body: string, topic = "cancel"): Message {
      return { topic, key: "saga", body };
    }

    /** Stores messages with a saga of their own. */
    async function store(sagaId: string, ...messages: Message[]): Promise<readonly StoredMessage[]> {
      const stored = await journal.create(firstEntry(sagaId, { messages }));
      if (stored === "exists") throw new Error(`saga ${sagaId} exists`);
      return stored;
    }

    async function reopen(): Promise<void> {
      await journal.close();
      journal = await open();
    }

    async function pending(): Promise<string[]> {
      return (await journal.messages.pending()).map(({ body }) => body);
    }

    test("keeps messages in the order in which they came", async () => {
      const stored = [
        await store("a", message("1"), message("2")),
        await journal.append(entry("a", 1, { messages: [message("3")] })),
        await store("b", message("4"), message("5", "other")),
      ].flat();
      expect(await journal.messages.pending()).toEqual(stored);
      expect(await pending()).toEqual(["1", "2", "3", "4", "5"]);
      await reopen();
      expect(await journal.messages.pending()).toEqual(stored);
    });

    test("gives each of many entries at once its own messages, in their order", async () => {
      const sagas = Array.from({ length: 50 }, (_, at) => [1, 2, 3].map((no) => message(`${at}/${no}`)));
      const stored = await Promise.all(sagas.map((messages, at) => store(`s${at}`, ...messages)));
      expect(stored.map((each) => each.map(({ body }) => body))).toEqual(
        sagas.map((each) => each.map(({ body }) => body)),
      );
      const byId = [...stored.flat()].sort((one, other) => one.id - other.id);
      expect(await journal.messages.pending()).toEqual(byId);
    });

    test("gives every message all that it was stored with", async () => {
      const sent = { topic: "buchung_stornieren-ü", key: "a/1", body: '{"note":"☕ \\u0000 😀\\n","quote":"\\"{},"}' };
      const [stored] = await store("a", sent, message(""));
      expect(stored).toEqual({ ...sent, id: expect.any(Number) });
      await reopen();
      expect(await journal.messages.pending()).toEqual([stored, expect.objectContaining({ body: "" })]);
    });

    test("forgets messages that were handled, once or twice, and no others", async () => {
      const [first, second, third, fourth] = await store("a", ...["1", "2", "3", "4"].map((body) => message(body)));
      const id = (stored: StoredMessage | undefined) => stored?.id ?? 0;
      await Promise.all([journal.messages.remove([id(first)]), journal.messages.remove([id(third), id(first)])]);
      await journal.messages.remove([]);
      await journal.messages.remove([id(third)]);
      expect(await journal.messages.pending()).toEqual([second, fourth]);
      await reopen();
      expect(await journal.messages.pending()).toEqual([second, fourth]);
    });

    test("never gives a number again, also after the last was forgotten and a restart", async () => {
      const [first] = await store("a", message("1"));
      await journal.messages.remove([first?.id ?? 0]);
      await reopen();
      const [second] = await store("b", message("2"));
      expect(second?.id).toBeGreaterThan(first?.id ?? 0);
    });

    test("keeps what can't be handled on the dead-letter topic of its topic, with the reason", async () => {
      const good = await store("a", message("{}"));
      await journal.messages.addDeadLetter(message("?"), "no JSON: «?»");
      await journal.messages.addDeadLetter(message("!", "other"), "neither");
      await journal.messages.addDeadLetter(message("??"), "again");
      await reopen();
      expect(await journal.messages.pending(), "dead letters are not delivered").toEqual(good);
      expect(await journal.messages.deadLetters("cancel")).toEqual([
        { id: expect.any(Number), topic: "cancel.dead-letter", key: "saga", body: "?", reason: "no JSON: «?»" },
        { id: expect.any(Number), topic: "cancel.dead-letter", key: "saga", body: "??", reason: "again" },
      ]);
      expect(await journal.messages.deadLetters("other")).toEqual([expect.objectContaining({ body: "!" })]);
      expect(await journal.messages.deadLetters("nothing")).toEqual([]);
    });

    test("stores a dead letter with any bytes", async () => {
      const bad = { topic: "cancel", key: "k'\"\\", body: 'a\0b \u0001 \\ " {} \u{1f600} \ufffd' };
      await journal.messages.addDeadLetter(bad, "at \0: what is this?");
      await reopen();
      expect(await journal.messages.deadLetters("cancel")).toEqual([
        { ...bad, id: expect.any(Number), topic: "cancel.dead-letter", reason: "at \\0: what is this?" },
      ]);
    });

    test("stores a dead letter with an invalid key", async () => {
      await journal.messages.addDeadLetter({ topic: "cancel", key: "a\0b", body: "?" }, "no key");
      expect(await journal.messages.deadLetters("cancel")).toEqual([
        expect.objectContaining({ body: "?", reason: "no key" }),
      ]);
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
