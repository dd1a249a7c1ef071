import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgresServer } from "../support/describe-postgres.js";
import { freshSchema, type PostgresServer, startPostgres } from "../support/postgres.js";
import { type Harm, type HarmfulProxy, startProxy } from "../support/proxy.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry, numbersOf } from "./entries.js";

// Each request has the saga's id, so the proxy knows the one that it is to harm; reads and retries come later.
describePostgresServer("a commit whose fate is not known, since its connection died", () => {
  const scope = createScope();
  let server: PostgresServer;
  let proxy: HarmfulProxy;
  let schema: string;
  let journal: Journal;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());
  beforeEach(async () => {
    schema = freshSchema();
    proxy = scope.use(await startProxy(server.port));
    journal = await open("pod-0");
  });

  async function open(podId: string): Promise<Journal> {
    const url = server.url.replace(String(server.port), String(proxy.port));
    return scope.use(await openPostgresJournal({ url, podId, schema, giveUpAfterMs: 30_000 }));
  }

  const message = (body: string) => ({ topic: "t", key: "k", body });
  const bodies = async () => (await journal.messages.pending()).map(({ body }) => body);
  const harms: Harm[] = ["lose-request", "lose-answer", "delay-request"];

  test.each(harms)("%s: an entry is stored once, with its messages", async (how) => {
    await journal.create(firstEntry("before"));
    const harmed = proxy.harm("saga-1", how);
    const created = await journal.create(firstEntry("saga-1", { messages: [message("1"), message("2")] }));
    await harmed;
    await proxy.release();
    expect(await journal.messages.pending()).toEqual(created);
    const again = proxy.harm("saga-1", how);
    const appended = await journal.append(
      entry("saga-1", 1, {
        phase: "completed",
        messages: [message("3")],
        answer: { ok: true, response: Uint8Array.of(7) },
      }),
    );
    await again;
    await proxy.release();
    expect(appended).toEqual([expect.objectContaining({ body: "3" })]);
    expect(await numbersOf(journal, "saga-1")).toEqual([0, 1]);
    expect(await journal.load("saga-1")).toMatchObject({ phase: "completed", answer: { ok: true } });
    expect(await bodies()).toEqual(["1", "2", "3"]);
  });

  test.each(harms)("%s: an entry that another pod stored before is refused all the same", async (how) => {
    const other = await open("pod-1");
    await other.create(firstEntry("saga-1"));
    await other.append(entry("saga-1", 1, { messages: [message("theirs")] }));
    const harmed = proxy.harm("saga-1", how);
    // The same bytes as theirs: these alone must not make it ours.
    await expect(journal.append(entry("saga-1", 1, { messages: [message("ours")] }))).rejects.toMatchObject({
      code: "SAGA_JOURNAL_CONFLICT",
    });
    await harmed;
    const again = proxy.harm("saga-1", how);
    expect(await journal.create(firstEntry("saga-1"))).toBe("exists");
    await again;
    await proxy.release();
    expect(await bodies()).toEqual([]);
    expect((await other.messages.pending()).map(({ body }) => body)).toEqual(["theirs"]);
  });

  test.each(harms)("%s: the same process making the same saga twice succeeds once", async (how) => {
    expect(await journal.create(firstEntry("saga-1"))).toEqual([]);
    const harmed = proxy.harm("saga-1", how);
    expect(await journal.create(firstEntry("saga-1"))).toBe("exists");
    await harmed;
    await proxy.release();
  });

  test.each(harms)("%s: others of the same transaction fare no worse", async (how) => {
    const other = await open("pod-1");
    await other.create(firstEntry("theirs"));
    await other.append(entry("theirs", 1));
    await journal.create(firstEntry("ours"));
    const harmed = proxy.harm("ours", how);
    const outcomes = await Promise.allSettled([
      journal.append(entry("ours", 1, { messages: [message("a")] })),
      journal.append(entry("theirs", 1, { messages: [message("b")] })),
      journal.create(firstEntry("new", { messages: [message("c")] })),
      journal.create(firstEntry("theirs")),
    ]);
    await harmed;
    await proxy.release();
    expect(outcomes).toEqual([
      { status: "fulfilled", value: [expect.objectContaining({ body: "a" })] },
      { status: "rejected", reason: expect.objectContaining({ code: "SAGA_JOURNAL_CONFLICT" }) },
      { status: "fulfilled", value: [expect.objectContaining({ body: "c" })] },
      { status: "fulfilled", value: "exists" },
    ]);
    expect(await bodies()).toEqual(["a", "c"]);
  });

  test.each(harms)("%s: a dead letter is kept once, and a message removed", async (how) => {
    const stored = await journal.create(firstEntry("saga-1", { messages: [message("x")] }));
    const harmed = proxy.harm("poison", how);
    await journal.messages.addDeadLetter({ topic: "t", key: "poison", body: "?" }, "no");
    await harmed;
    const again = proxy.harm(`DELETE FROM "${schema}".message`, how);
    await journal.messages.remove(stored === "exists" ? [] : stored.map(({ id }) => id));
    await again;
    await proxy.release();
    expect(await journal.messages.deadLetters("t")).toHaveLength(1);
    expect(await journal.messages.pending()).toEqual([]);
  });

  test.each(["request", "answer"] as const)(
    "cut within the %s, at many of its bytes: each entry is stored once",
    async (what) => {
      const stored: string[] = [];
      let length = 1;
      for (let at = 0, cut = 0; cut < length; at++) {
        const id = `cut-${at}`;
        // An answer is short, and is cut at each of its bytes.
        const harmed = proxy.cutWithin(id, what, cut);
        const created = await journal.create(firstEntry(id, { messages: [message(id)] }));
        length = await harmed;
        expect(created, `${cut} of ${length} bytes`).toEqual([expect.objectContaining({ body: id })]);
        stored.push(id);
        cut += what === "answer" ? 1 : Math.ceil(length / 60);
      }
      expect(stored.length).toBeGreaterThan(50);
      expect(await bodies(), "in their order, each once").toEqual(stored);
      expect(await Promise.all(stored.map((id) => numbersOf(journal, id)))).toEqual(stored.map(() => [0]));
    },
  );
});
