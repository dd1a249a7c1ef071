import { beforeEach, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry, numbersOf } from "./entries.js";
import { compareBytesByContent } from "./equal-bytes.js";

compareBytesByContent();

const conflict = expect.objectContaining({ name: "SagaError", code: "SAGA_JOURNAL_CONFLICT" });

describePostgres("two pods on one PostgreSQL journal", () => {
  const scope = createScope();
  let schema: string;
  let one: Journal;
  let other: Journal;
  beforeEach(async () => {
    schema = freshSchema();
    scope.defer(() => dropSchema(schema));
    // Both find no tables.
    [one, other] = await Promise.all([open("pod-0"), open("pod-1")]);
  });

  async function open(podId: string): Promise<Journal> {
    return scope.use(await openPostgresJournal({ url: await postgresUrl(), podId, schema }));
  }

  const message = (body: string) => ({ topic: "t", key: "k", body });

  test("make each saga once, however many try at once", async () => {
    const ids = Array.from({ length: 100 }, (_, at) => `saga-${at}`);
    // The pods take the ids in opposite orders, so that their transactions meet crosswise.
    const orders = [ids, [...ids].reverse(), ids, [...ids].reverse()];
    const winners: string[] = [];
    await Promise.all(
      orders.map(async (order, at) => {
        const journal = at % 2 === 0 ? one : other;
        const outcomes = await Promise.all(
          order.map((id) =>
            journal.create(firstEntry(id, { fingerprint: `${at}`, messages: [message(`${id} of ${at}`)] })),
          ),
        );
        winners.push(...order.filter((_, no) => outcomes[no] !== "exists").map((id) => `${id} of ${at}`));
      }),
    );
    expect(winners.map((name) => name.split(" ")[0]).sort()).toEqual([...ids].sort());
    const stored = await Promise.all(ids.map(async (id) => `${id} of ${(await one.load(id))?.fingerprint}`));
    expect(stored.sort()).toEqual(winners.sort());
    const messages = [...(await one.messages.pending()), ...(await other.messages.pending())];
    expect(messages.map(({ body }) => body).sort(), "only the winners' messages").toEqual(winners);
  });

  test("append each entry once: the other is told of the conflict, and may go on from there", async () => {
    await one.create(firstEntry("a"));
    await Promise.all(Array.from({ length: 20 }, (_, at) => one.create(firstEntry(`beside-${at}`))));
    const wins = { one: 0, other: 0 };
    for (let seq = 1; seq <= 40; seq++) {
      const outcomes = await Promise.allSettled([
        one.append(entry("a", seq, { messages: [message(`one ${seq}`)] })),
        other.append(entry("a", seq, { messages: [message(`other ${seq}`)] })),
        // Of the same transactions; these are nobody else's.
        one.append(entry(`beside-${seq % 10}`, seq)),
        other.append(entry(`beside-${10 + (seq % 10)}`, seq)),
      ]);
      expect(outcomes.slice(2).map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
      const [first, second] = outcomes;
      expect([first?.status, second?.status].sort()).toEqual(["fulfilled", "rejected"]);
      expect([first, second].find((outcome) => outcome?.status === "rejected")).toMatchObject({ reason: conflict });
      wins[first?.status === "fulfilled" ? "one" : "other"]++;
    }
    expect(await numbersOf(one, "a")).toEqual(Array.from({ length: 41 }, (_, at) => at));
    expect(await one.messages.pending()).toHaveLength(wins.one);
    expect(await other.messages.pending()).toHaveLength(wins.other);
  });

  test("see at once what the other has stored", async () => {
    const answer = { ok: true, response: Uint8Array.of(1, 2) } as const;
    await one.create(firstEntry("a"));
    expect(await numbersOf(other, "a")).toEqual([0]);
    await other.append(entry("a", 1, { phase: "completed", answer }));
    expect(await one.load("a")).toMatchObject({ phase: "completed", answer });
    expect(await one.create(firstEntry("a"))).toBe("exists");
  });

  test("each list what they wrote last, also what a process with their pod id wrote before", async () => {
    await one.create(firstEntry("mine"));
    await one.create(firstEntry("taken"));
    await one.create(firstEntry("kept"));
    await one.append(entry("kept", 1));
    await other.append(entry("taken", 1));
    await expect(other.append(entry("kept", 1)), "a refused entry takes nothing").rejects.toMatchObject({
      code: "SAGA_JOURNAL_CONFLICT",
    });
    await other.create(firstEntry("stuck", { phase: "stuck" }));
    await one.close();
    one = await open("pod-0");
    expect(await one.list("open")).toEqual(["mine", "kept"]);
    expect(await other.list("open")).toEqual(["taken"]);
    expect(await one.list("stuck"), "what is stuck is everybody's").toEqual(["stuck"]);
    expect(await (await open("pod-2")).list("open")).toEqual([]);
    for (const journal of [one, other]) {
      expect(await journal.countOpen(firstEntry("").facade), "whoever drives them").toBe(3);
    }
  });

  test("have messages of their own, and share the dead letters", async () => {
    await one.create(firstEntry("a", { messages: [message("one's")] }));
    await other.append(entry("a", 1, { messages: [message("other's")] }));
    await other.messages.addDeadLetter(message("?"), "no");
    await one.close();
    one = await open("pod-0");
    expect((await one.messages.pending()).map(({ body }) => body)).toEqual(["one's"]);
    expect((await other.messages.pending()).map(({ body }) => body)).toEqual(["other's"]);
    expect(await one.messages.deadLetters("t")).toEqual([expect.objectContaining({ body: "?" })]);
  });

  test("store what is sound of a transaction that holds an entry which can't be stored", async () => {
    await one.create(firstEntry("a"));
    const outcomes = await Promise.allSettled([
      one.create(firstEntry("b", { messages: [message("b")] })),
      one.create(firstEntry("no\0text")),
      one.append(entry("a", 1)),
    ]);
    expect(outcomes).toEqual([
      { status: "fulfilled", value: [expect.objectContaining({ body: "b" })] },
      { status: "rejected", reason: expect.objectContaining({ code: "SAGA_JOURNAL_UNAVAILABLE" }) },
      { status: "fulfilled", value: [] },
    ]);
    expect((await one.messages.pending()).map(({ body }) => body)).toEqual(["b"]);
  });
});
