import { join } from "node:path";
import { expect, test } from "vitest";
import { checkSagas } from "../../runtime/grpc/check-sagas.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { facadeOf } from "../engine/support/facade.js";
import { entry, firstEntry } from "../journal/entries.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("code is held against a journal by facade and fingerprint, also from a program of one's own", async () => {
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
