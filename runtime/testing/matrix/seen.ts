import { statusName } from "../../core/status.js";
import type { FacadeDefinition } from "../../facade/definition.js";
import type { Answer } from "../../journal/journal.js";
import type { Attempt } from "../world/upstreams.js";
import type { World } from "../world/world.js";
import type { Call, ExpectedAnswer } from "./expected.js";
import type { Life } from "./life.js";
import { shortKey } from "./rules.js";
import { sagaId } from "./trouble.js";

/** What came of a case. */
export interface Seen {
  /** In the order in which they left. */
  readonly calls: readonly Call[];
  /** "OPEN": the saga has not ended. "NONE": there is none. */
  readonly state: "COMPLETED" | "COMPENSATED" | "STUCK" | "OPEN" | "NONE";
  /** What the client got; undefined: nothing. */
  readonly answer: ExpectedAnswer | undefined;
  /** The steps whose effect stands in the end, in the facade's order. */
  readonly left: readonly string[];
  /** What the user's code threw. */
  readonly threw: readonly string[];
  /** What did not hold of the calls, of the nodes' or of the answers. */
  readonly broken: readonly string[];
  /** What the engine logged as a warning or an error. */
  readonly said: readonly string[];
}

/** What there is to see when a case has been played, what was said aside. @param lives the server's, one after the other */
export function seenOf(
  world: World,
  { steps }: FacadeDefinition,
  lives: readonly Life[],
  calls: readonly Attempt[],
): Omit<Seen, "said"> {
  const answers = lives.flatMap(({ call: { answer } }) => (answer === undefined ? [] : [told(answer)]));
  const rows = steps.map(({ name, kind }) => ({ name, kind, row: world.ledger.rows.get(`${sagaId}/${name}`) }));
  const phase = world.tables.sagas.get(sagaId)?.phase;
  const answersDiffer = new Set(answers.map((answer) => JSON.stringify(answer))).size > 1;
  return {
    calls: calls.map(({ path, idempotencyKey }) => ({ method: path, key: shortKey(idempotencyKey) })),
    state: phase === undefined ? "NONE" : (phase.toUpperCase() as Seen["state"]),
    answer: answers[0],
    left: rows.filter(({ kind, row }) => kind !== "read" && row?.state === "done").map(({ name }) => name),
    threw: [...new Set(lives.flatMap(({ watch }) => watch.threw))],
    broken: [
      ...lives.flatMap(brokenIn),
      ...(answersDiffer ? ["the client was told one thing before the crash, and another after it"] : []),
      ...rows.flatMap(({ name, row }) =>
        (row?.effects ?? 0) > 1 ? [`${name} took effect ${row?.effects} times`] : [],
      ),
    ],
  };
}

/** What did not hold in a life of the server. */
function brokenIn({ call: { error }, watch, toldTooEarly }: Life): string[] {
  const repeats = [...watch.calls].filter(([, times]) => times > 1);
  return [
    ...(error === undefined ? [] : [`the client's call was refused: ${String(error)}`]),
    ...(toldTooEarly ? ["the client was told before the journal had its answer"] : []),
    ...repeats.map(
      ([name, times]) => `${name} was called ${times} times: every attempt is to bear what it answered first`,
    ),
  ];
}

function told(answer: Answer): ExpectedAnswer {
  if (answer.ok) {
    return { ok: true };
  }
  const { code, reason } = answer.failure;
  return { ok: false, status: statusName(code), reason, step: answer.step };
}
