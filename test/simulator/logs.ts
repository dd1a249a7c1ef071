import { isSagaError } from "../../runtime/core/errors.js";
import type { Log } from "../../runtime/engine/ports.js";
import type { Process } from "../../runtime/testing/world/process.js";
import type { Violate } from "./book.js";
import type { Trace } from "./trace.js";

/** Lines that say that something was met which no fault of the world explains. */
const never = [/^saga parked/, /a message goes without its payload/, /a message was buried/];

/** Makes the pods' logs: what they say is counted, and errors that are no fault of the world's are bugs. */
export function createLogs(
  violate: Violate,
  count: (what: string) => void,
  trace: Trace,
  shared: boolean,
): (process: Process) => Log {
  return (process) => {
    const say = (about: object, message: string) => {
      if (!process.alive) {
        return;
      }
      const error = "err" in about ? about.err : undefined;
      count(`log: ${message.replace(/:.*/, "")}`);
      trace.note(process.name, `says: ${message}${error === undefined ? "" : ` (${String(error)})`}`);
      if (
        error !== undefined &&
        !isSagaError(error) &&
        !/^Error: (the completion's handler|the node)/.test(String(error))
      ) {
        violate("nothing is swallowed", `${process.name} says: ${message}: ${stackOf(error)}`);
      }
      judgeVerdict(about, shared, (what) => violate("only what is waited for", `${process.name}: ${what}`));
      const passes = isSagaError(error) && error.code === "SAGA_JOURNAL_UNAVAILABLE";
      if (!passes && never.some((pattern) => pattern.test(message))) {
        violate("nothing is swallowed", `${process.name} says: ${message}`);
      }
    };
    return { debug: say, info: say, warn: say, error: say };
  };
}

/**
 * A message is held against the saga before it is taken, and a deadline is watched only while there is one; on a journal
 * that is shared another server may have ended the saga meanwhile.
 */
function judgeVerdict(about: object, shared: boolean, wrong: (what: string) => void): void {
  if ("event" in about && "verdict" in about) {
    const delivered = about.event === "step-delivered" || about.event === "rollback-delivered";
    const watched = about.event === "deadline-passed" && String(about.verdict).endsWith("has no deadline");
    if (delivered || (watched && !shared)) {
      wrong(`${about.event}: ${about.verdict}`);
    }
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
