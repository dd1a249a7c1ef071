import { statusName } from "../core/status.js";
import type { Log } from "./ports.js";
import type { Run } from "./run.js";

/** Tells how a saga ended. Of an async one that failed nobody else is told: its client had its answer before. */
export function reportEnd({ id, facade, state }: Run, log: Log): void {
  const { failure, phase } = state;
  const about = { saga: id, facade: facade.name };
  if (facade.mode === "async" && failure !== undefined) {
    const step = failure.step === undefined ? undefined : facade.steps[failure.step]?.name;
    const { code, reason, message } = failure;
    log.info({ ...about, step, status: statusName(code), reason }, `saga ${phase}, it failed: ${message}`);
  } else {
    log.debug(about, `saga ${phase}`);
  }
}
