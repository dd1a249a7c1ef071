import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal, SagasInFlight } from "../journal/journal.js";
import { misfit } from "./adopt.js";
import type { Log } from "./ports.js";

/** The sagas in flight that code with these facades can't run: of a facade that it lacks, or has in another structure. */
export function parkedOf(
  inFlight: readonly SagasInFlight[],
  byName: ReadonlyMap<string, FacadeDefinition>,
): readonly SagasInFlight[] {
  return inFlight.filter((sagas) => misfit(byName.get(sagas.facade), sagas) !== undefined);
}

/** Tells of all sagas that this process can't run, at once: at the start, where a deploy is seen to have come too early. */
export async function reportParked(
  journal: Journal,
  byName: ReadonlyMap<string, FacadeDefinition>,
  log: Log,
): Promise<void> {
  const parked = parkedOf(await journal.inFlight(), byName);
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
  const what = `${count} ${count === 1 ? "saga is" : "sagas are"} of a structure that this server does not have`;
  const about = { code: "SAGA_STRUCTURE_CHANGED", structures };
  if (journal.shared) {
    log.warn(
      about,
      `${what}: servers that have it carry them on; without one they wait, so keep one until they have ended`,
    );
  } else {
    log.error(about, `${what}, and parked: run the code that they began under until they have ended, then this`);
  }
}
