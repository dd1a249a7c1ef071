import { createBarrier } from "protosaga/upstream";
import { type BarrierDriver, type BarrierRow, type BarrierRows, runSync } from "protosaga/upstream/driver";
import { expect, test } from "vitest";
import { createCaller, summary } from "./support/caller.js";
import type { Effect } from "./support/place.js";

/** A driver for a Map, written with nothing but the driver entry. */
function mapDriver(effects: Effect[]): BarrierDriver<Effect[], true> {
  let committed: ReadonlyMap<string, BarrierRow> = new Map();
  return {
    sync: true,
    async transaction(work) {
      const rows = new Map(committed);
      const written: Effect[] = [];
      let saved = 0;
      const table: BarrierRows = {
        insert: (row) => !rows.has(row.key) && rows.set(row.key, row) === rows,
        find: (key) => rows.get(key),
        settle(key, answer) {
          const row = rows.get(key);
          if (row !== undefined) rows.set(key, { ...row, state: "answered", answer });
        },
        savepoint() {
          saved = written.length;
        },
        rollBackToSavepoint() {
          written.length = saved;
        },
      };
      const result = runSync(work(written, table));
      committed = rows;
      effects.push(...written);
      return result;
    },
    fateOf: () => "failed",
    remove: async () => 0,
  };
}

test("a driver written with the driver entry runs the barrier's rule", async () => {
  const effects: Effect[] = [];
  const barrier = createBarrier(mapDriver(effects));
  const { act, undo, runs } = createCaller({ barrier, note: (tx: Effect[], effect) => tx.push(effect) });
  expect(summary(await act("a/s"))).toBe("OK run 1");
  expect(summary(await act("a/s"))).toBe("OK run 1");
  expect(summary(await undo("a/s"))).toBe("OK run 2");
  expect(await undo("b/s")).toMatchObject({ ok: false, code: 5 });
  expect(await act("b/s")).toMatchObject({ ok: false, code: 10 });
  expect(runs()).toBe(2);
  expect(effects.map(({ kind }) => kind)).toEqual(["do", "undo"]);
});
