import type { FacadeDefinition } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { restore } from "./adopt.js";
import { eachStored } from "./each-stored.js";
import type { Log } from "./ports.js";
import type { Run } from "./run.js";

/** Tells an operator of a saga that is STUCK, with the steps to act on. */
export function reportStuck(run: Run, log: Log): void {
  const steps = run.facade.steps.filter((_, at) => run.state.steps[at]?.undo === "stuck").map(({ name }) => name);
  const about = { saga: run.id, facade: run.facade.name, steps };
  log.error(about, "saga stuck: a compensation used up its attempts, an operator's hand is needed");
}

/** Tells of every saga that is STUCK: at each start, since nobody may have seen the line at the time. */
export async function reportAllStuck(
  journal: Journal,
  byName: ReadonlyMap<string, FacadeDefinition>,
  log: Log,
): Promise<void> {
  await eachStored(journal, await journal.list("stuck"), log, (stored) => {
    const run = restore(byName.get(stored.facade), stored);
    if (typeof run === "object") {
      reportStuck(run, log);
    } else {
      log.error({ saga: stored.sagaId }, `saga stuck, and parked: ${run}`);
    }
  });
}
