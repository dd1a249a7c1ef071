import { statusName } from "../core/status.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal, SagasInFlight, StoredMessage } from "../journal/journal.js";
import type { Log, SagaHooks } from "./ports.js";
import { incompatible } from "./recovery.js";
import type { SagaExecution } from "./saga-execution.js";

/** Reports how a saga ended. Only the log says why an async one failed: its client had its answer before. */
export function reportEnd({ id, facade, state }: SagaExecution, log: Log, hooks: SagaHooks | undefined): void {
  const { failure, phase } = state;
  const about = { saga: id, facade: facade.name };
  if (phase === "stuck") {
    const steps = facade.steps.filter((_, at) => state.steps[at]?.undo === "stuck").map(({ name }) => name);
    hooks?.sagaStuck?.({ sagaId: id, facade: facade.name, steps });
    log.error(
      { ...about, steps },
      "saga stuck: a compensation used up its attempts; an operator must retry or skip it",
    );
    return;
  }
  const outcome = phase === "completed" ? "completed" : "compensated";
  hooks?.sagaEnded?.({ sagaId: id, facade: facade.name, outcome });
  if (facade.mode === "async" && failure !== undefined) {
    const step = failure.step === undefined ? undefined : facade.steps[failure.step]?.name;
    const { code, reason, message } = failure;
    log.info({ ...about, step, status: statusName(code), reason }, `saga ${phase} after a failure: ${message}`);
  } else {
    log.debug(about, `saga ${phase}`);
  }
}

/** The sagas in flight that code with these facades can't run: their facade is missing, or has another structure. */
export function parkedOf(
  inFlight: readonly SagasInFlight[],
  byName: ReadonlyMap<string, FacadeDefinition>,
): readonly SagasInFlight[] {
  return inFlight.filter((sagas) => incompatible(byName.get(sagas.facade), sagas) !== undefined);
}

/** Logs at the start which unfinished sagas this server can't run, and which are stuck: nobody may have seen the earlier lines. */
export async function reportUnfinished(
  journal: Journal,
  byName: ReadonlyMap<string, FacadeDefinition>,
  log: Log,
): Promise<void> {
  const inFlight = await journal.inFlight();
  for (const { facade, stuck, sagaIds } of inFlight) {
    if (stuck > 0) {
      log.error(
        { facade, stuck, sagas: sagaIds },
        "sagas are stuck: an operator must retry or skip their compensations",
      );
    }
  }
  const parked = parkedOf(inFlight, byName);
  if (parked.length === 0) {
    return;
  }
  const count = parked.reduce((sum, { open, stuck }) => sum + open + stuck, 0);
  const structures = parked.map(({ facade, fingerprint, open, stuck, oldestMs, sagaIds }) => ({
    facade,
    fingerprint,
    here: byName.get(facade)?.fingerprint ?? "none",
    open,
    stuck,
    oldest: new Date(oldestMs).toISOString(),
    sagas: sagaIds,
  }));
  const sagas = count === 1 ? "1 saga has" : `${count} sagas have`;
  const about = { code: "SAGA_STRUCTURE_CHANGED", structures };
  if (journal.shared) {
    log.warn(
      about,
      `${sagas} a structure that this server does not have: servers that have it run them; keep one until they have ended`,
    );
  } else {
    log.error(
      about,
      `${sagas} a structure that this server does not have, and are parked: run the previous version until they have ended, then this one`,
    );
  }
}

/** Logs stored messages of topics that this server does not have, because its configuration has changed. */
export function reportUnknownTopics(
  messages: readonly StoredMessage[],
  facades: readonly FacadeDefinition[],
  completionTopic: string | undefined,
  log: Log,
): void {
  const known = new Set([completionTopic, ...facades.flatMap(({ topics }) => [topics.rollback, ...topics.steps])]);
  const unknown = messages.filter(({ topic }) => !known.has(topic));
  if (unknown.length > 0) {
    const topics = [...new Set(unknown.map(({ topic }) => topic))];
    log.warn(
      { topics, messages: unknown.length },
      "messages wait in the journal for topics that this server does not have; restore completion_topic and topic_prefix to send them",
    );
  }
}
