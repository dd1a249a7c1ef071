import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl } from "../support/postgres.js";
import type { Scope } from "../support/scope.js";
import { journalConformance, type OpenJournal } from "./conformance.js";
import { idleConformance } from "./idle-conformance.js";
import { inFlightConformance } from "./in-flight-conformance.js";
import { messageConformance } from "./message-conformance.js";
import { removalConformance } from "./removal-conformance.js";
import { sharedConformance } from "./shared-conformance.js";

function place(scope: Scope): OpenJournal {
  const schema = freshSchema();
  scope.defer(() => dropSchema(schema));
  return async () => openPostgresJournal({ url: await postgresUrl(), podId: "pod-0", schema });
}

describePostgres("on a PostgreSQL server", () => {
  journalConformance("PostgreSQL", place);
  messageConformance("PostgreSQL", place);
  removalConformance("PostgreSQL", place);
  inFlightConformance("PostgreSQL", place);
  idleConformance("PostgreSQL", place);
  sharedConformance("PostgreSQL", (scope) => {
    const schema = freshSchema();
    scope.defer(() => dropSchema(schema));
    return async (podId) => openPostgresJournal({ url: await postgresUrl(), podId, schema });
  });
});
