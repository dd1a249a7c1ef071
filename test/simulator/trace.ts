import type { SagaEvent } from "../../runtime/core/event.js";
import type { Entry } from "../../runtime/journal/journal.js";
import { decodeRecord } from "../../runtime/journal/record.js";
import { hashOf } from "../../runtime/testing/world/chance.js";

/** What happened in a run, line by line, if that is wanted. */
export interface Trace {
  readonly lines: readonly string[];
  note(who: string, what: string): void;
  /** An entry has become durable. */
  stored(owner: string, entry: Entry): void;
  /** A number that stands for all lines: the same for two runs that did the same. */
  readonly hash: number;
}

/** Makes an empty one. @param now true time, ms */
export function createTrace(wanted: boolean, now: () => number): Trace {
  const lines: string[] = [];
  let hash = 1;
  const note = wanted
    ? (who: string, what: string) => {
        const line = `${now().toFixed(3).padStart(12)}  ${who.padEnd(14)} ${what}`;
        hash = hashOf(hash, line);
        lines.push(line);
      }
    : () => {};
  return {
    lines,
    note,
    get hash() {
      return hash;
    },
    stored(owner, entry) {
      if (wanted) {
        const events = decodeRecord(entry.record).map(textOf).join(", ");
        const answer =
          entry.answer === undefined ? "" : `; answer ${entry.answer.ok ? "OK" : entry.answer.failure.reason}`;
        note(owner, `STORED ${entry.sagaId}[${entry.seq}] ${entry.phase}: ${events}${answer}`);
      }
    },
  };
}

function textOf(event: SagaEvent): string {
  const step = "step" in event ? ` s${event.step}` : "";
  const attempt = "attempt" in event ? ` #${event.attempt}` : "";
  const failure =
    "failure" in event ? ` ${event.failure.code}${event.failure.beforeCall ? " before its call" : ""}` : "";
  const decision = "decision" in event && event.decision !== undefined ? ` → ${event.decision}` : "";
  return `${event.kind}${step}${attempt}${failure}${decision}`;
}
