import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { type PgBouncer, pgBouncerMissing, startPgBouncer } from "../support/pgbouncer.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope, type Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import { journalConformance, type OpenJournal } from "./conformance.js";
import { firstEntry } from "./entries.js";
import { messageConformance } from "./message-conformance.js";
import { startLoad } from "./recorded-load.js";
import { removalConformance } from "./removal-conformance.js";
import { sharedConformance } from "./shared-conformance.js";

if (pgBouncerMissing !== undefined) {
  process.stderr.write(`\n*** SKIPPED: the journal behind PgBouncer: ${pgBouncerMissing} ***\n`);
}

describePostgres("through PgBouncer", () => {
  describe.skipIf(pgBouncerMissing !== undefined)("in transaction mode", () => {
    let bouncer: PgBouncer;
    beforeAll(async () => {
      // Fewer connections than the pods have: all transactions share them.
      bouncer = await startPgBouncer(await postgresUrl(), "transaction", 3);
    });
    afterAll(() => bouncer.close());

    const opener = (scope: Scope) => {
      const schema = freshSchema();
      scope.defer(() => dropSchema(schema));
      return (podId: string) => openPostgresJournal({ url: bouncer.url, podId, schema });
    };
    const place = (scope: Scope): OpenJournal => {
      const open = opener(scope);
      return () => open("pod-0");
    };
    journalConformance("PgBouncer", place);
    messageConformance("PgBouncer", place);
    removalConformance("PgBouncer", place);
    sharedConformance("PgBouncer", opener);

    const scope = createScope();

    test("two pods store all that they say, and leave no setting in the sessions", async () => {
      const open = opener(scope);
      const pods = [scope.use(await open("pod-0")), scope.use(await open("pod-1"))] as const;
      const loads = pods.map((pod, at) => startLoad(pod, `pod-${at}`, 16));
      await until(() => loads.every((load) => load.acknowledged() > 1_500), { what: "entries" });
      await Promise.all(loads.map((load) => load.stop()));
      for (const [at, load] of loads.entries()) {
        expect(load.refused()).toBe(0);
        await load.check(pods[at] ?? pods[0]);
      }
      const settings = "SELECT current_setting('enable_seqscan') AS seqscan, current_setting('search_path') AS path";
      for (let session = 0; session < 9; session++) {
        expect(await runSql(bouncer.url, settings)).toEqual([{ seqscan: "on", path: '"$user", public' }]);
      }
    });
  });

  test.skipIf(pgBouncerMissing !== undefined)("in session mode, entries are stored and found", async () => {
    const scope = { schema: freshSchema() };
    const bouncer = await startPgBouncer(await postgresUrl(), "session", 20);
    try {
      const journal = await openPostgresJournal({ url: bouncer.url, podId: "pod-0", schema: scope.schema });
      await Promise.all(Array.from({ length: 100 }, (_, at) => journal.create(firstEntry(`s${at}`))));
      expect(await journal.list("open")).toHaveLength(100);
      await journal.close();
    } finally {
      await bouncer.close();
      await dropSchema(scope.schema);
    }
  });
});
