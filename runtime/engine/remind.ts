import { isDeepStrictEqual } from "node:util";
import { transition } from "../core/transition.js";
import type { Run } from "./run.js";
import { rollback } from "./ticket.js";

/**
 * The messages that a saga waits for, and for nothing else, so that a process that finds it has nothing to record: by the
 * step that each asks for, or `rollback`. Undefined where it has to be taken up.
 */
export function awaitedMessages(run: Run): readonly number[] | undefined {
  const { state, commands } = transition(run.facade, run.state, { kind: "recovered" });
  const asked = commands.flatMap((command) => {
    return command.kind === "queue-step" ? [command.step] : command.kind === "queue-rollback" ? [rollback] : [];
  });
  const waits = asked.length > 0 && asked.length === commands.length && isDeepStrictEqual(state, run.state);
  return waits ? asked : undefined;
}
