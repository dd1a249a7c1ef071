import { openPostgresJournal } from "../../runtime/journal/postgres/journal.js";
import { describePostgres } from "../support/describe-postgres.js";
import { dropSchema, freshSchema, postgresUrl } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { killConformance } from "./kill-conformance.js";

describePostgres("a killed process with a journal on PostgreSQL", () => {
  const scope = createScope();
  killConformance("PostgreSQL", scope, async () => {
    const url = await postgresUrl();
    const schema = freshSchema();
    scope.defer(() => dropSchema(schema));
    return { args: [url, schema], open: () => openPostgresJournal({ url, schema, podId: "killed" }) };
  });
});
