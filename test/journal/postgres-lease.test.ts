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
    expect(await b.takeOver(10)).toEqual([]);
    await a.close();
    await silence("a", 1.5);
    const taken = await Promise.all([b.takeOver(2), c.takeOver(2), b.takeOver(2), c.takeOver(2)]);
    expect(taken.flat().sort()).toEqual(["s1", "s2", "s3"]);
    expect(await owners()).toMatchObject({ done: "a", mine: "b" });
    expect([...(await b.list("open")), ...(await c.list("open"))].sort()).toEqual(["mine", "s1", "s2", "s3"]);
  });

  test("a pod that leaves is not waited for", async () => {
    const [a, b] = [await open("a"), await open("b")];
    await begin(a, "s");
    await a.close();
    expect(await b.takeOver(10)).toEqual(["s"]);
  });
});
