import { beforeEach, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { entry, firstEntry } from "./entries.js";

describePostgres("pods on a journal on PostgreSQL", () => {
  const scope = createScope();
  const leaseMs = 1_000;
  let url: string;
  let schema: string;
  beforeEach(async () => {
    url = await postgresUrl();
    schema = freshSchema();
    scope.defer(() => dropSchema(schema));
  });

  const open = async (podId: string) => scope.use(await openPostgresJournal({ url, podId, schema, leaseMs }));
  /** As if the pod had not been heard of for so many leases. */
  const silence = (podId: string, leases: number) =>
    runSql(url, `UPDATE "${schema}".pod SET beat_at = clock_timestamp() - make_interval(secs => $1) WHERE id = $2`, [
      (leases * leaseMs) / 1_000,
      podId,
    ]);
  const owners = async () =>
    Object.fromEntries(
      (await runSql<{ id: string; owner: string }>(url, `SELECT id, owner FROM "${schema}".saga`)).map((row) => [
        row.id,
        row.owner,
      ]),
    );

  async function begin(journal: Journal, ...ids: string[]): Promise<void> {
    for (const id of ids) {
      await journal.create(firstEntry(id));
    }
  }

  test("refuse a second one of the same id while the first lives", async () => {
    await open("a");
    await expect(open("a")).rejects.toMatchObject({ code: "SAGA_POD_ID_TAKEN" });
    await open("b");
  });

  test("let one of the same id in once the first has left, or is silent", async () => {
    const first = await open("a");
    await begin(first, "s");
    await first.close();
    const second = await open("a");
    expect(await second.list("open")).toEqual(["s"]);
  });

  test("take over the open sagas of a pod that is silent for a lease, each once, and no others", async () => {
    const [a, b, c] = [await open("a"), await open("b"), await open("c")];
    await begin(a, "s1", "s2", "s3", "done");
    await a.append(entry("done", 1, { phase: "completed" }));
    await begin(b, "mine");
    const prints = [firstEntry("s").fingerprint];
    expect(await b.takeOver(prints, 10)).toEqual({ sagaIds: [], messages: 0 });
    await a.close();
    await silence("a", 1.5);
    const taken = await Promise.all([b, c, b, c].map((pod) => pod.takeOver(prints, 2)));
    expect(taken.flatMap(({ sagaIds }) => sagaIds).sort()).toEqual(["s1", "s2", "s3"]);
    expect(await owners()).toMatchObject({ done: "a", mine: "b" });
    expect([...(await b.list("open")), ...(await c.list("open"))].sort()).toEqual(["mine", "s1", "s2", "s3"]);
  });

  test("a pod that leaves is not waited for", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const sent = { topic: "done", key: "s", body: "{}" };
    await a.create(firstEntry("s", { messages: [sent] }));
    await a.close();
    expect(await b.takeOver(["another structure"], 10), "but for what it can't run").toEqual({
      sagaIds: [],
      messages: 1,
    });
    expect(await b.messages.pending()).toMatchObject([sent]);
    expect(await b.takeOver([firstEntry("s").fingerprint], 10)).toEqual({ sagaIds: ["s"], messages: 0 });
  });

  test("leave what they can't run, of their own and still open, to others, who need not wait", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await begin(a, "old", "new", "done", "stuck");
    await a.create(firstEntry("other", { fingerprint: "f2" }));
    await a.append(entry("done", 1, { phase: "completed" }));
    await a.append(entry("stuck", 1, { phase: "stuck" }));
    await begin(b, "another's");
    await a.release(["f1", "f3"]);
    expect(await owners()).toEqual({ old: "a", new: "a", done: "a", stuck: "a", other: "", "another's": "b" });
    await a.release(["f2"]);
    expect(await owners()).toEqual({ old: "", new: "", done: "a", stuck: "a", other: "", "another's": "b" });
    expect(await a.list("open")).toEqual([]);
    expect(await b.takeOver(["f2"], 10)).toEqual({ sagaIds: ["other"], messages: 0 });
    expect((await a.takeOver(["f1"], 10)).sagaIds.toSorted()).toEqual(["new", "old"]);
    await a.release([]);
    expect(await a.list("open"), "without a facade nothing can be run").toEqual([]);
  });

  test("list their idle sagas, and no others", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await begin(a, "still", "moving", "done");
    await begin(b, "another's");
    await a.append(entry("done", 1, { phase: "completed" }));
    await runSql(url, `UPDATE "${schema}".saga SET created_at = created_at - interval '1 minute'`);
    await a.append(entry("moving", 1));
    expect(await a.listIdle(30_000, 10, "")).toEqual([{ sagaId: "still", entries: 1 }]);
    expect(await a.listIdle(120_000, 10, "")).toEqual([]);
  });

  test("list idle sagas a page at a time, with the number of their entries, each once", async () => {
    const a = await open("a");
    await begin(a, "s3", "s1", "s5", "s2", "s4");
    await a.append(entry("s3", 1));
    await a.append(entry("s3", 2));
    await runSql(url, `UPDATE "${schema}".saga SET created_at = created_at - interval '1 minute'`);
    await runSql(url, `UPDATE "${schema}".record SET written_at = written_at - interval '1 minute'`);
    const pages = [];
    for (let after = ""; pages.length < 3; ) {
      const page = await a.listIdle(30_000, 2, after);
      after = page.at(-1)?.sagaId ?? "";
      pages.push(page.map(({ sagaId, entries }) => `${sagaId} has ${entries}`));
    }
    expect(pages).toEqual([["s1 has 1", "s2 has 1"], ["s3 has 3", "s4 has 1"], ["s5 has 1"]]);
  });

  test("list STUCK sagas, whichever server owned them", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await begin(a, "stuck", "open");
    await a.append(entry("stuck", 1, { phase: "stuck" }));
    expect(await b.list("stuck")).toEqual(["stuck"]);
    expect(await b.list("open")).toEqual([]);
  });

  test("forget those that have long been silent, once they own nothing", async () => {
    const [a, b] = [await open("a"), await open("b")];
    const hoursMs = 3_600_000;
    const pods = async () =>
      (await runSql<{ id: string }>(url, `SELECT id FROM "${schema}".pod ORDER BY id`)).map(({ id }) => id);
    const sent = { topic: "done", key: "s", body: "{}" };
    for (const id of ["idle", "owns", "sends", "asleep", "gone"]) {
      await (await openPostgresJournal({ url, podId: id, schema, leaseMs })).close();
    }
    await begin(a, "kept", "ended");
    await a.append(entry("ended", 1, { phase: "completed" }));
    await a.create(firstEntry("sends", { phase: "completed", messages: [sent] }));
    await runSql(url, `UPDATE "${schema}".saga SET owner = 'owns' WHERE id IN ('kept', 'ended')`);
    await runSql(url, `UPDATE "${schema}".message SET owner = 'sends'`);
    for (const id of ["idle", "owns", "sends"]) await silence(id, (2 * hoursMs) / leaseMs);
    await silence("asleep", (0.5 * hoursMs) / leaseMs);
    const prints = ["another structure"];
    expect(await b.takeOver(prints, 10), "a message is taken over at once").toEqual({ sagaIds: [], messages: 1 });
    expect(await pods()).toEqual(["a", "asleep", "b", "gone", "owns"]);
    expect(await b.takeOver([firstEntry("s").fingerprint], 10)).toEqual({ sagaIds: ["kept"], messages: 0 });
    await b.takeOver(prints, 10);
    expect(await pods(), "one that has just left may yet be heard of").toEqual(["a", "asleep", "b", "gone"]);
  });
});
