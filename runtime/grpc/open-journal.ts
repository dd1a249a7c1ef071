import { join } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import type { Clock } from "../engine/ports.js";
import type { Journal, SagasInFlight } from "../journal/journal.js";
import type { PostgresOptions } from "../journal/postgres/journal.js";
import { openSqliteJournal } from "../journal/sqlite/journal.js";
import { inspectSqliteJournal } from "../journal/sqlite/open.js";
import { loadAdapter } from "./optional-peer.js";

/** The configured journal. @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID */
export async function openJournal(
  { journal, data_dir, pod_id }: Config,
  logger: Logger,
  clock: Clock,
): Promise<Journal> {
  if (journal.kind === "sqlite") {
    const { full_check: fullCheck } = journal.sqlite;
    return openSqliteJournal(journalFile(data_dir), { now: clock.now, fullCheck });
  }
  const { schema, pool_size: poolSize, lease_ms: leaseMs } = journal.postgres;
  const postgres = await loadPostgres("journal.kind: postgres");
  return postgres.openPostgresJournal({
    url: urlOf(journal),
    podId: pod_id,
    schema,
    poolSize,
    leaseMs,
    onError: (err) => logger.warn({ err }, "the journal gets over trouble with its database"),
  });
}

/**
 * Opens a journal on PostgreSQL. The package `pg` is loaded at the first call.
 * @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID
 */
export async function openPostgresJournal(options: PostgresOptions): Promise<Journal> {
  const postgres = await loadPostgres("openPostgresJournal");
  return postgres.openPostgresJournal(options);
}

function loadPostgres(setting: string) {
  return loadAdapter("pg", setting, () => import("../journal/postgres/journal.js"));
}

function journalFile(dataDir: string): string {
  return join(dataDir, "journal.db");
}

function urlOf({ postgres: { url } }: Config["journal"]): string {
  if (url === undefined) {
    throw new SagaError("SAGA_CONFIG_INVALID", "journal.postgres.url: name the database");
  }
  return url;
}

/** What a look at the configured journal found. */
export interface JournalLook {
  /** The file, or host, database and schema: for people. */
  readonly place: string;
  /** Undefined where there is no journal yet. */
  readonly inFlight: readonly SagasInFlight[] | undefined;
}

/**
 * Looks at the configured journal without taking part in it: a server may run on it meanwhile.
 * @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID
 */
export async function lookAtJournal({ journal, data_dir }: Pick<Config, "journal" | "data_dir">): Promise<JournalLook> {
  if (journal.kind === "sqlite") {
    const place = journalFile(data_dir);
    return { place, inFlight: inspectSqliteJournal(place) };
  }
  const { schema } = journal.postgres;
  const load = () => import("../journal/postgres/journal.js");
  const { inspectPostgresJournal } = await loadAdapter("pg", "journal.kind: postgres", load);
  return inspectPostgresJournal(urlOf(journal), schema);
}
