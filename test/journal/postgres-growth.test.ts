import { beforeEach, expect, test } from "vitest";
import { connect, readConnection } from "../../runtime/journal/postgres/connect.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { statements } from "../../runtime/journal/postgres/sql.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";

describePostgres("a journal on PostgreSQL that has grown", () => {
  const scope = createScope();
  let url: string;
  let schema: string;
  beforeEach(async () => {
    url = await postgresUrl();
    schema = freshSchema();
    scope.defer(() => dropSchema(schema));
  });

  const open = async (at = 0) => scope.use(await openPostgresJournal({ url, podId: `pod-${at}`, schema }));

  /** Stores sagas that ended so many seconds ago, and one later record of each. */
  async function fill(count: number, agoS = 0): Promise<void> {
    await runSql(
      url,
      `INSERT INTO ${schema}.saga (id, facade, fingerprint, request, first_record, phase, owner, writer, ended_at)
       SELECT 'ended-' || n, 'f', 'f1', '\\x01', '\\x', 'completed', 'pod-9', gen_random_uuid(),
         clock_timestamp() - make_interval(secs => $2) FROM generate_series(1, $1) AS n`,
      [count, agoS],
    );
    await runSql(
      url,
      `INSERT INTO ${schema}.record (saga_id, seq, record, writer)
       SELECT 'ended-' || n, 1, '\\x', gen_random_uuid() FROM generate_series(1, $1) AS n`,
      [count],
    );
  }

  test("is rid of what ended by several pods at once: none waits for another, and nothing is left behind", async () => {
    const pods = await Promise.all([open(0), open(1), open(2)]);
    await fill(3_000);
    const counts = await Promise.all(
      pods.map(async (pod) => {
        let removed = 0;
        for (let count = -1; count !== 0; removed += count) {
          count = await pod.removeEnded(0, 100);
        }
        return removed;
      }),
    );
    expect(counts.reduce((sum, removed) => sum + removed)).toBe(3_000);
    expect(await runSql(url, `SELECT 1 FROM ${schema}.saga UNION ALL SELECT 1 FROM ${schema}.record`)).toEqual([]);
  });

  test("passes over what another pod's transaction holds", async () => {
    const journal = await open();
    await fill(3);
    const holding = runSql(
      url,
      `BEGIN; SELECT 1 FROM ${schema}.saga WHERE id = 'ended-2' FOR UPDATE; SELECT pg_sleep(1); COMMIT`,
    );
    const held = `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%${schema}%pg_sleep%' AND wait_event = 'PgSleep'`;
    while ((await runSql(url, held)).length === 0);
    expect(await journal.removeEnded(0, 10)).toBe(2);
    await holding;
    expect(await journal.removeEnded(0, 10)).toBe(1);
  });

  test("goes by the database's clock", async () => {
    const journal = await open();
    await fill(1, 3_600);
    expect(await journal.removeEnded(3_660_000, 10)).toBe(0);
    expect(await journal.removeEnded(3_540_000, 10)).toBe(1);
  });

  test.each([
    ["what has ended", "lockEnded", "(1, 100)", ["saga_ended"]],
    ["what is to be removed", "removeLocked", "(ARRAY['a', 'ended-20000'])", ["saga_pkey", "record_pkey"]],
    ["what is open", "listOpen", "('pod-0')", ["saga_open"]],
    ["what is stuck", "listStuck", "", ["saga_stuck"]],
    ["how much is open", "countOpen", "('f')", ["saga_open"]],
    ["what is in flight", "inFlight", "", ["saga_open", "saga_stuck"]],
    ["what expired pods left", "takeOver", "('pod-0', 15, '{f1}', 100)", ["pod_beat", "saga_open", "saga_pkey"]],
    ["pods to remove", "removePods", "(3600)", ["pod_beat", "saga_open", "message_pending"]],
    ["what stands still", "listIdle", "('pod-0', 15, 100, 'ended-1')", ["saga_open", "record_pkey"]],
    ["sagas by their ids", "load", "(ARRAY['a', 'ended-20000'])", ["saga_pkey", "record_pkey"]],
    ["the last entries of watched sagas", "lastEntries", "(ARRAY['a', 'ended-20000'])", ["saga_pkey", "record_pkey"]],
  ] as const)("finds by an index %s", async (_, name, values, indexes) => {
    await open();
    await fill(20_000, 3_600);
    await runSql(url, `ANALYZE ${schema}.saga, ${schema}.record`);
    const client = await connect(readConnection(url, "pod-0", schema));
    scope.defer(() => client.end());
    await client.query(`PREPARE asked AS ${statements(schema)[name].text}`);
    const { rows } = await client.query<{ "QUERY PLAN": string }>(`EXPLAIN EXECUTE asked ${values}`);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    const used = plan.match(/(?<=using |Bitmap Index Scan on )\w+/g) ?? [];
    expect(new Set(used), plan).toEqual(new Set(indexes));
    expect(plan).not.toContain("Seq Scan");
    // An index that is read as a whole is no help.
    expect(plan.match(/Index Cond|Index Scan using saga_(open|stuck)/g)?.length, plan).toBeGreaterThanOrEqual(
      used.length,
    );
  });
});
