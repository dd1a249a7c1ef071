import { expect, test } from "vitest";
import { createEmbeddedBroker } from "../../runtime/broker/embedded.js";
import { Status } from "../../runtime/core/status.js";
import { Changes } from "../../runtime/engine/changes.js";
import { Engine } from "../../runtime/engine/engine.js";
import { systemClock } from "../../runtime/engine/ports.js";
import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { fromBytes, toBytes } from "./support/codec.js";
import { facadeOf } from "./support/facade.js";
import { createUpstreamStub, ok } from "./support/upstream-stub.js";

const step = { timeoutMs: 200, undo: { timeoutMs: 200 } };
const facade = facadeOf({ steps: { a: step, b: step } });

/** When the server says that its disk is full: as a row is written, or only as the transaction is committed. */
const moments = {
  "an INSERT": "CREATE TRIGGER full_disk BEFORE INSERT ON",
  "a COMMIT": "CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON",
} as const;

describePostgres("a PostgreSQL server whose disk is full (53100)", () => {
  const scope = createScope();

  async function place(moment: keyof typeof moments) {
    const [url, schema] = [await postgresUrl(), freshSchema()];
    scope.defer(() => dropSchema(schema));
    const errors: string[] = [];
    const onError = ({ message }: Error) => void errors.push(message);
    const journal = scope.use(
      await openPostgresJournal({ url, schema, podId: "pod", leaseMs: 500, giveUpAfterMs: 300, onError }),
    );
    const upstreams = createUpstreamStub();
    const changes = new Changes(journal);
    const engine = new Engine({
      facades: [facade],
      journal,
      broker: createEmbeddedBroker(journal.messages, { failed() {}, lag() {}, deadLettered() {} }),
      upstreams,
      clock: systemClock,
      log: { debug() {}, info() {}, warn() {}, error() {} },
      changes,
      limits: { async: 100, throttled: 100 },
      concurrencyOf: () => 8,
    });
    await engine.start();
    scope.defer(async () => {
      await engine.stop();
    });
    const ask = async (sagaId: string) => {
      const call = { sagaId, request: toBytes({}), message: {}, deadlineAtMs: undefined, traceparent: "" };
      const answer = await engine.run(facade, call);
      return answer.ok ? fromBytes(answer.response) : answer.failure.reason;
    };
    const onTables = (sql: (table: string) => string) =>
      runSql(url, ["saga", "record"].map((table) => sql(`"${schema}".${table}`)).join(";"));
    await runSql(
      url,
      `CREATE FUNCTION "${schema}".full_disk() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`,
    );
    const deferred = moment === "a COMMIT" ? "DEFERRABLE INITIALLY DEFERRED" : "";
    return {
      upstreams,
      errors,
      ask,
      journal,
      fill: () =>
        onTables(
          (table) => `${moments[moment]} ${table} ${deferred} FOR EACH ROW EXECUTE FUNCTION "${schema}".full_disk()`,
        ),
      free: () => onTables((table) => `DROP TRIGGER full_disk ON ${table}`),
    };
  }

  test.each(Object.keys(moments) as (keyof typeof moments)[])(
    "said at %s: sagas are refused with UNAVAILABLE, no call leaves, and all go on once there is room",
    async (moment) => {
      const { upstreams, errors, ask, journal, fill, free } = await place(moment);
      const unavailable = { code: "SAGA_JOURNAL_UNAVAILABLE", status: Status.UNAVAILABLE, retriable: true };
      const held = upstreams.hold("/a");
      const begun = ask("begun");
      begun.catch(() => {});
      await held.arrived;
      await fill();
      held.answer(ok({ from: "/a" }));
      await expect(begun).rejects.toMatchObject(unavailable);
      await expect(ask("new")).rejects.toMatchObject(unavailable);
      expect(upstreams.paths(), "nothing that is not journaled").toEqual(["/a"]);
      expect(await journal.load("new")).toBeUndefined();
      expect(
        errors.some((message) => message.includes("No space left")),
        "tried again meanwhile",
      ).toBe(true);
      await free();
      const answer = { a: { from: "/a" }, b: { from: "/b" } };
      expect(await ask("new")).toEqual(answer);
      expect(await ask("begun"), "found idle, and rolled back as after a crash").toBe("SAGA_INTERRUPTED");
    },
  );
});
