import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { checkSagas, runCheckSagas } from "../../runtime/grpc/check-sagas.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { facadeOf } from "../engine/support/facade.js";
import { entry, firstEntry } from "../journal/entries.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("code is compared with a journal by facade and fingerprint, also by another program", async () => {
  const data_dir = scope.tempDir();
  const journal = scope.use(openSqliteJournal(join(data_dir, "journal.db")));
  const known = facadeOf({ steps: { a: {} } });
  const upstreams = Object.fromEntries(known.steps.map(({ service }) => [service, { address: "localhost:1" }]));
  for (const [id, more] of Object.entries({
    fits: { facade: known.name, fingerprint: known.fingerprint },
    changed: { facade: known.name, fingerprint: "f0" },
    gone: { facade: "test.Service/Gone", fingerprint: known.fingerprint },
  })) {
    await journal.create(firstEntry(id, more));
  }
  await journal.append(entry("gone", 1, { phase: "stuck" }));
  const service = { name: "test.Service", definition: {}, facades: { run: known }, descriptors: "" };
  expect(await checkSagas({ services: [service], config: { data_dir, upstreams } })).toEqual({
    place: join(data_dir, "journal.db"),
    found: true,
    fitting: 1,
    parked: [
      expect.objectContaining({ facade: "test.Service/Gone", here: undefined, open: 0, stuck: 1, sagaIds: ["gone"] }),
      expect.objectContaining({ facade: known.name, fingerprint: "f0", here: "f1", open: 1, sagaIds: ["changed"] }),
    ],
  });
});

test("as a program it counts one saga in the singular", async () => {
  const data_dir = scope.tempDir();
  const journal = scope.use(openSqliteJournal(join(data_dir, "journal.db")));
  await journal.create(firstEntry("gone", { facade: "test.Service/Gone" }));
  const known = facadeOf({ steps: { a: {} } });
  await journal.create(firstEntry("fits", { facade: known.name, fingerprint: known.fingerprint }));
  const upstreams = Object.fromEntries(known.steps.map(({ service }) => [service, { address: "localhost:1" }]));
  const service = { name: "test.Service", definition: {}, facades: { run: known }, descriptors: "" };
  const written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  scope.defer(() => written.mockRestore());
  const program = { name: "server", services: [service], defaults: { data_dir, upstreams }, args: [] };
  expect(await runCheckSagas(program)).toBe(1);
  expect(written.mock.calls.join("")).toContain(
    "server: 1 saga in flight can't be run by this code; it can run 1 other (",
  );
});
