import pg from "pg";
import { beforeEach, expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { statements } from "../../runtime/journal/postgres/sql.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry, numbersOf } from "./entries.js";

describePostgres("late entries of sagas that are just removed from a PostgreSQL journal", () => {
  const scope = createScope();
  let schema: string;
  let errors: string[];
  beforeEach(() => {
    schema = freshSchema();
    errors = [];
    scope.defer(() => dropSchema(schema));
  });

  async function open(podId: string): Promise<Journal> {
    const onError = ({ message }: Error) => void errors.push(message);
    return scope.use(await openPostgresJournal({ url: await postgresUrl(), podId, schema, onError }));
  }

  /** Numbers of records whose saga is gone. */
  async function orphans() {
    return runSql(
      await postgresUrl(),
      `SELECT saga_id, seq FROM "${schema}".record WHERE saga_id NOT IN (SELECT id FROM "${schema}".saga)`,
    );
  }

  async function end(journal: Journal, id: string): Promise<void> {
    await journal.create(firstEntry(id));
    await journal.append(entry(id, 1, { phase: "completed" }));
  }

  test("one waits until the removal is over, is refused, and leaves nothing for the next saga of that id", async () => {
    const journal = await open("pod-0");
    await end(journal, "s");
    const remover = new pg.Client(await postgresUrl());
    await remover.connect();
    scope.defer(() => remover.end());
    const { lockEnded, removeLocked } = statements(schema);
    await remover.query("BEGIN");
    const { rows } = await remover.query(lockEnded.text, [0, 10]);
    expect(rows).toEqual([{ id: "s" }]);
    let settled = false;
    const late = journal.append(entry("s", 2, { phase: "completed" })).then(
      () => "stored",
      ({ code }) => code,
    );
    late.then(() => {
      settled = true;
    });
    const waiting =
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'protosaga pod-0' AND wait_event_type = 'Lock'";
    const url = await postgresUrl();
    await until(async () => settled || (await runSql(url, waiting)).length > 0, {
      what: "the entry to meet the removal",
    });
    await remover.query(removeLocked.text, [["s"]]);
    await remover.query("COMMIT");
    expect(await late).toBe("SAGA_JOURNAL_CONFLICT");
    expect(await orphans()).toEqual([]);
    expect(await journal.create(firstEntry("s"))).toEqual([]);
    expect(await numbersOf(journal, "s")).toEqual([0]);
    await journal.append(entry("s", 1));
    await journal.append(entry("s", 2));
    expect(await numbersOf(journal, "s")).toEqual([0, 1, 2]);
  });

  test("one that is stored after the removal has looked, and before it has the lock, goes with its saga", async () => {
    const url = await postgresUrl();
    const pods = [await open("pod-0"), await open("pod-1")] as const;
    await end(pods[1], "s");
    const holder = new pg.Client(url);
    await holder.connect();
    scope.defer(() => holder.end());
    // Whatever pod-0 reads of sagas stands still while the lock is held.
    await holder.query(`
      SET search_path = "${schema}";
      CREATE FUNCTION hold() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('application_name') = 'protosaga pod-0' THEN
          PERFORM pg_advisory_xact_lock_shared(hashtext('${schema}'));
        END IF;
        RETURN true;
      END $$;
      ALTER TABLE saga RENAME TO saga_row;
      CREATE VIEW saga AS SELECT * FROM saga_row WHERE hold();
      SELECT pg_advisory_lock(hashtext('${schema}'))`);
    const removal = pods[0].removeEnded(0, 10);
    const held =
      "SELECT 1 FROM pg_stat_activity WHERE application_name = 'protosaga pod-0' AND wait_event = 'advisory'";
    await until(async () => (await runSql(url, held)).length > 0, { what: "the removal to have looked" });
    await pods[1].append(entry("s", 2, { phase: "completed" }));
    await holder.query(`SELECT pg_advisory_unlock(hashtext('${schema}'))`);
    expect(await removal).toBe(1);
    expect(await orphans()).toEqual([]);
  });

  test("many, of two pods, in the same transactions as entries of living sagas: each fares as its own saga does", async () => {
    const pods = [await open("pod-0"), await open("pod-1")] as const;
    const ids = Array.from({ length: 300 }, (_, at) => `ended-${at}`);
    const living = Array.from({ length: 300 }, (_, at) => `living-${at}`);
    await Promise.all([...ids.map((id) => end(pods[0], id)), ...living.map((id) => pods[1].create(firstEntry(id)))]);
    let removed = 0;
    const removal = Promise.all(
      pods.map(async (pod) => {
        while (removed < ids.length) {
          const more = await pod.removeEnded(0, 7);
          removed += more;
        }
      }),
    );
    const late = Promise.allSettled(
      [...ids].reverse().map((id, at) => pods[at % 2]?.append(entry(id, 2, { phase: "completed" }))),
    );
    const going = Promise.all(living.map((id, at) => pods[at % 2]?.append(entry(id, 1))));
    await Promise.all([removal, going]);
    for (const outcome of await late) {
      if (outcome.status === "rejected") {
        expect(outcome.reason).toMatchObject({ code: "SAGA_JOURNAL_CONFLICT" });
      }
    }
    expect(await orphans()).toEqual([]);
    expect(errors.filter((message) => message.includes("deadlock"))).toEqual([]);
    expect(await Promise.all(living.map((id) => numbersOf(pods[0], id)))).toEqual(living.map(() => [0, 1]));
  });
});
