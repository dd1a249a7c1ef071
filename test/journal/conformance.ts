import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Answer, Journal, StoredPhase } from "../../runtime/journal/journal.js";
import { encodeRecord } from "../../runtime/journal/record.js";
import { createScope, type Scope } from "../support/scope.js";
import { anyEvent } from "./any-event.js";
import { entry, eventsOf, firstEntry, numbersOf } from "./entries.js";
import { compareBytesByContent } from "./equal-bytes.js";

/** Opens the journal of one test, empty the first time; called again after `close`, it finds what was stored. */
export type OpenJournal = () => Journal | Promise<Journal>;

compareBytesByContent();

const unavailable = { name: "SagaError", code: "SAGA_JOURNAL_UNAVAILABLE" };
const conflict = { name: "SagaError", code: "SAGA_JOURNAL_CONFLICT" };

/** What every journal must do. @param place makes room for a fresh journal */
export function journalConformance(name: string, place: (scope: Scope) => OpenJournal): void {
  describe(`${name}, a journal,`, () => {
    const scope = createScope();
    let open: () => Promise<Journal>;
    let journal: Journal;
    beforeEach(async () => {
      const opener = place(scope);
      open = async () => scope.use(await opener());
      journal = await open();
    });

    async function reopen(): Promise<Journal> {
      await journal.close();
      journal = await open();
      return journal;
    }

    describe("making a saga", () => {
      test("succeeds for exactly one of many calls at once", async () => {
        const calls = Array.from({ length: 40 }, (_, at) => journal.create(firstEntry("a", { fingerprint: `${at}` })));
        const outcomes = await Promise.all(calls);
        const winners = outcomes.flatMap((outcome, at) => (outcome === "exists" ? [] : [at]));
        expect(winners).toHaveLength(1);
        expect((await journal.load("a"))?.fingerprint, "the winner's is stored").toBe(`${winners[0]}`);
      });

      test("succeeds once, ever", async () => {
        expect(await journal.create(firstEntry("a"))).toEqual([]);
        expect(await journal.create(firstEntry("a"))).toBe("exists");
        await reopen();
        expect(await journal.create(firstEntry("a"))).toBe("exists");
      });

      test("makes this server its owner", async () => {
        await journal.create(firstEntry("a"));
        expect((await journal.load("a"))?.ownedHere).toBe(true);
        await reopen();
        expect((await journal.load("a"))?.ownedHere).toBe(true);
      });

      test("changes nothing where there is one", async () => {
        await journal.create(firstEntry("a"));
        const before = await journal.load("a");
        const other = firstEntry("a", {
          request: Uint8Array.of(9),
          phase: "completed",
          answer: { ok: true, response: Uint8Array.of(9) },
          messages: [{ topic: "t", key: "a", body: "{}" }],
        });
        expect(await journal.create(other)).toBe("exists");
        expect(await journal.load("a")).toEqual(before);
        expect(await journal.messages.pending()).toEqual([]);
      });

      test.each([
        ["empty", new Uint8Array()],
        ["a view into a larger buffer", Buffer.from("xxhelloxx").subarray(2, 7)],
        ["large", new Uint8Array(3_000_000).fill(0xa5)],
      ])("keeps a request and a record that are %s", async (_, bytes) => {
        await journal.create(firstEntry("é/1:_.-", { request: bytes, record: bytes }));
        await journal.append(entry("é/1:_.-", 1, { record: bytes }));
        await reopen();
        const stored = await journal.load("é/1:_.-");
        expect(stored?.sagaId).toBe("é/1:_.-");
        for (const kept of [stored?.request, ...(stored?.records ?? [])]) {
          expect(Buffer.compare(kept ?? Buffer.from("none"), bytes)).toBe(0);
        }
        expect(stored?.records).toHaveLength(2);
      });

      test("is not there before it is made, whatever the id that is asked for", async () => {
        await journal.create(firstEntry("b"));
        for (const id of ["a", "", "b\0", "\0", "'; --", "B", "b "]) {
          expect(await journal.load(id), JSON.stringify(id)).toBeUndefined();
        }
      });
    });

    describe("appending", () => {
      test("keeps every event in order, whatever it says, also across a restart", async () => {
        let runs = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(fc.array(anyEvent, { maxLength: 3 }), { minLength: 1 }), async (entries) => {
            const id = `saga-${++runs}`;
            const records = entries.map((events) =>
              encodeRecord(
                1,
                events.map((event) => ({ event })),
              ),
            );
            await Promise.all(
              records.map((record, seq) =>
                seq === 0 ? journal.create(firstEntry(id, { record })) : journal.append(entry(id, seq, { record })),
              ),
            );
            expect(await eventsOf(journal, id)).toEqual(entries.flat());
            expect(await eventsOf(await reopen(), id)).toEqual(entries.flat());
          }),
          { numRuns: 30 },
        );
      });

      test("has entries that are handed over at once take effect in their order", async () => {
        const answer: Answer = { ok: true, response: Uint8Array.of(1) };
        for (const id of ["a", "b", "c"]) {
          const phases = ["stuck", "open", "stuck", "compensated"] as const;
          await Promise.all([
            journal.create(firstEntry(id)),
            ...phases.map((phase, at) => journal.append(entry(id, at + 1, { phase, ...(at === 1 ? { answer } : {}) }))),
          ]);
          expect(await journal.load(id)).toMatchObject({ phase: "compensated", answer });
          expect(await numbersOf(journal, id)).toEqual([0, 1, 2, 3, 4]);
        }
      });

      test("orders by number, not by text", async () => {
        await journal.create(firstEntry("a"));
        for (let seq = 1; seq < 12; seq++) {
          await journal.append(entry("a", seq));
        }
        expect(await numbersOf(journal, "a")).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
      });

      test.each([
        [0, unavailable],
        [1, conflict],
      ])("refuses entry %i twice, and nothing else of the same moment", async (seq, refusal) => {
        await journal.create(firstEntry("a"));
        await journal.append(entry("a", 1));
        const message = { topic: "t", key: "a", body: "of the refused one" };
        const others = [
          journal.create(firstEntry("b", { messages: [{ topic: "t", key: "b", body: "of a good one" }] })),
          journal.append(entry("a", seq, { phase: "completed", messages: [message] })),
          journal.append(entry("a", 2)),
          journal.create(firstEntry("a")),
        ];
        expect(await Promise.allSettled(others)).toEqual([
          { status: "fulfilled", value: [expect.objectContaining({ key: "b" })] },
          { status: "rejected", reason: expect.objectContaining(refusal) },
          { status: "fulfilled", value: [] },
          { status: "fulfilled", value: "exists" },
        ]);
        await reopen();
        expect(await numbersOf(journal, "a")).toEqual([0, 1, 2]);
        expect(await numbersOf(journal, "b")).toEqual([0]);
        expect((await journal.load("a"))?.phase, "the refused one changed nothing").toBe("open");
        expect((await journal.messages.pending()).map(({ body }) => body)).toEqual(["of a good one"]);
      });
    });

    describe("phases", () => {
      const listed = async () => ({ open: await journal.list("open"), stuck: await journal.list("stuck") });

      test("what is open or stuck is listed; what has ended is not", async () => {
        for (const phase of ["open", "stuck", "completed", "compensated"] as const) {
          await journal.create(firstEntry(`born ${phase}`, { phase }));
          await journal.create(firstEntry(`became ${phase}`));
          await journal.append(entry(`became ${phase}`, 1, { phase }));
        }
        const expected = { open: ["became open", "born open"], stuck: ["became stuck", "born stuck"] };
        const sorted = ({ open, stuck }: Awaited<ReturnType<typeof listed>>) => ({
          open: [...open].sort(),
          stuck: [...stuck].sort(),
        });
        expect(sorted(await listed())).toEqual(expected);
        await reopen();
        expect(sorted(await listed())).toEqual(expected);
      });

      test.each([
        ["in the same process", false],
        ["in the next process", true],
      ])("a stuck saga that an operator set going again is open, %s", async (_, restart) => {
        await journal.create(firstEntry("a"));
        await journal.append(entry("a", 1, { phase: "stuck", answer: { ok: true, response: new Uint8Array() } }));
        if (restart) {
          await reopen();
        }
        await journal.append(entry("a", 2));
        expect(await listed()).toEqual({ open: ["a"], stuck: [] });
        expect((await journal.load("a"))?.phase).toBe("open");
        await journal.append(entry("a", 3, { phase: "stuck" }));
        expect(await listed()).toEqual({ open: [], stuck: ["a"] });
        await journal.append(entry("a", 4, { phase: "compensated" }));
        expect(await listed()).toEqual({ open: [], stuck: [] });
      });
    });

    describe("counting", () => {
      test("counts a facade's open sagas, and no others", async () => {
        const [mine, other] = ["pb.BookingService.HandleSyncBooking", "pb.BookingService.HandleAsyncBooking"];
        expect(await journal.countOpen(mine)).toBe(0);
        for (const phase of ["open", "stuck", "completed", "compensated"] as const) {
          await journal.create(firstEntry(`born ${phase}`, { phase }));
          await journal.create(firstEntry(`became ${phase}`));
          await journal.append(entry(`became ${phase}`, 1, { phase }));
        }
        await journal.create(firstEntry("other", { facade: other }));
        expect(await journal.countOpen(mine)).toBe(2);
        expect(await journal.countOpen(other)).toBe(1);
        await journal.append(entry("became stuck", 2));
        await reopen();
        expect(await journal.countOpen(mine), "the stuck one was set going again").toBe(3);
        expect(await journal.countOpen("")).toBe(0);
      });
    });

    describe("an answer", () => {
      const failure = { code: 9, message: "ausverkauft: ☕ 😀", reason: "SAGA_STEP_FAILED", beforeCall: false };
      const answers: [string, Answer][] = [
        ["a response", { ok: true, response: Uint8Array.of(0, 255) }],
        ["an empty response", { ok: true, response: new Uint8Array() }],
        ["a step's failure", { ok: false, failure, step: "createPayment" }],
        ["a failure of no step", { ok: false, failure: { ...failure, beforeCall: true }, step: undefined }],
      ];

      test.each(answers)("that is %s is kept with the first entry and with a later one", async (_, answer) => {
        await journal.create(firstEntry("at once", { answer }));
        await journal.create(firstEntry("later"));
        await journal.append(entry("later", 1, { answer }));
        await reopen();
        expect((await journal.load("at once"))?.answer).toEqual(answer);
        expect((await journal.load("later"))?.answer).toEqual(answer);
      });

      test.each(["open", "stuck", "compensated"] satisfies StoredPhase[])(
        "outlives a later entry that has none, of phase %s",
        async (phase) => {
          const answer: Answer = { ok: false, failure, step: "createPayment" };
          await journal.create(firstEntry("a", { answer }));
          await journal.append(entry("a", 1, { phase }));
          expect(await journal.load("a")).toMatchObject({ answer, phase });
        },
      );

      test("is not there before it is known", async () => {
        await journal.create(firstEntry("a"));
        expect((await journal.load("a"))?.answer).toBeUndefined();
      });
    });

    describe("closing", () => {
      test("first stores what was handed over", async () => {
        await journal.create(firstEntry("a"));
        const appended = journal.append(entry("a", 1));
        void journal.close();
        await reopen(); // Closes once more: that, too, is done only when everything is.
        await expect(appended).resolves.toEqual([]);
        expect(await numbersOf(journal, "a")).toEqual([0, 1]);
      });

      test("ends everything, and may be said twice", async () => {
        const stored = await journal.create(firstEntry("b", { messages: [{ topic: "t", key: "k", body: "{}" }] }));
        const ids = stored === "exists" ? [] : stored.map(({ id }) => id);
        await journal.close();
        await journal.close();
        const { messages } = journal;
        const acts: (() => Promise<unknown>)[] = [
          () => journal.create(firstEntry("a")),
          () => journal.append(entry("a", 1)),
          () => journal.load("a"),
          () => journal.list("open"),
          () => journal.countOpen("f"),
          () => messages.pending(),
          () => messages.remove(ids),
          () => messages.addDeadLetter({ topic: "t", key: "k", body: "?" }, "no"),
          () => messages.deadLetters("t"),
        ];
        for (const act of acts) {
          await expect(act(), act.toString()).rejects.toMatchObject(unavailable);
        }
        journal = await open();
        expect(await journal.messages.pending()).toEqual(stored);
        expect(await journal.messages.deadLetters("t")).toEqual([]);
      });
    });
  });
}
