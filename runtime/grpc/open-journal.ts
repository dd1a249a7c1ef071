import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import type { Clock } from "../engine/ports.js";
import type { Journal } from "../journal/journal.js";
import { openPostgresJournal } from "../journal/postgres/journal.js";
import { openSqliteJournal } from "../journal/sqlite/journal.js";

/** The configured journal. @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID */
export async function openJournal(
  { journal, data_dir, pod_id }: Config,
  logger: Logger,
  clock: Clock,
): Promise<Journal> {
  if (journal.kind === "sqlite") {
    const { full_check: fullCheck } = journal.sqlite;
    return openSqliteJournal(join(data_dir, "journal.db"), { now: clock.now, fullCheck });
  }
  const { url, schema, pool_size: poolSize, lease_ms: leaseMs } = journal.postgres;
  if (url === undefined) {
    throw new SagaError("SAGA_CONFIG_INVALID", "journal.postgres.url: name the database");
  }
  return openPostgresJournal({
    url,
    podId: pod_id,
    schema,
    poolSize,
    leaseMs,
    onError: (err) => logger.warn({ err }, "the journal gets over trouble with its database"),
  });
}
