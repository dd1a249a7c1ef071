import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import type { Chain, Expected, ExpectedAnswer, Stage } from "./expected.js";
import { type Fate, fateOf } from "./fate.js";
import { type Fault, isOfCompensation, refusedAfter } from "./fault.js";

/** What became of each step that was begun, by name. */
type Fates = ReadonlyMap<string, Fate>;

/** What comes of a saga to which no fault comes. */
export function expectedWithoutFault(facade: FacadeDefinition): Expected {
  return completed(facade, new Map());
}

/**
 * What must happen to a saga when a fault hits one of its steps. Derived from docs/explanation/semantics.md alone, not from
 * the state machine: both must have the same result.
 */
export function expectedOf(facade: FacadeDefinition, step: StepDefinition, fault: Fault): Expected {
  const fate = fateOf(facade, step, fault);
  const refused = isOfCompensation(fault) && fate.end === "done" ? refusedAfter(facade, step) : undefined;
  if (refused !== undefined) {
    return rolledBack(facade, refused, fateOf(facade, refused, "business error"), { step, fault });
  }
  return fate.end === "done" && fate.interrupted === undefined
    ? completed(facade, new Map([[step.name, fate]]))
    : rolledBack(facade, step, fate, { step, fault });
}

function completed(facade: FacadeDefinition, fates: Fates): Expected {
  const left = facade.steps.filter(({ kind }) => kind !== "read").map(({ name }) => name);
  return { stages: forward(facade, lastGroup(facade), fates), state: "COMPLETED", answer: { ok: true }, left };
}

interface Cause {
  readonly step: StepDefinition;
  readonly fault: Fault;
}

/** The saga turns back at a step: all that was begun, its group included, is undone group by group. */
function rolledBack(facade: FacadeDefinition, at: StepDefinition, fate: Fate, cause: Cause): Expected {
  const fates = new Map([[at.name, fate]]);
  const stages = forward(facade, at.group, fates);
  const undone = new Set<string>();
  let stuck = false;
  for (let group = at.group; group >= 0 && !stuck; group--) {
    const members = facade.steps.filter((step) => step.group === group && isUndone(step, fates.get(step.name)));
    stages.push(members.map((step) => undoing(step, cause)));
    for (const step of members) {
      if (failsForGood(step, cause)) {
        stuck = true; // What stands in order after it waits; what stands beside it goes on.
      } else {
        undone.add(step.name);
      }
    }
  }
  const stands = facade.steps.filter(
    ({ name, group, kind }) =>
      kind !== "read" && group <= at.group && (fates.get(name)?.effect ?? true) && !undone.has(name),
  );
  return {
    stages: stages.map(made).filter((stage) => stage.length > 0),
    state: stuck ? "STUCK" : "COMPENSATED",
    answer: answer(facade, at, fate),
    left: stands.map(({ name }) => name),
  };
}

/** The groups up to one, each step called as often as its fate says, once where it has none of its own. */
function forward(facade: FacadeDefinition, last: number, fates: Fates): Stage[] {
  return Array.from({ length: last + 1 }, (_, group) => {
    const members = facade.steps.filter((step) => step.group === group);
    return made(members.map((step) => calls(step.path, step.name, fates.get(step.name)?.attempts ?? 1)));
  });
}

/** A step that is done or may be is undone; one that was refused is where it asks for that. */
function isUndone(step: StepDefinition, fate: Fate | undefined): boolean {
  return step.compensation !== undefined && (fate?.end !== "refused" || step.compensateOnFailure);
}

function undoing(step: StepDefinition, cause: Cause): Chain {
  const ofThis = cause.step.name === step.name;
  const most = maxUndos(step);
  const times =
    ofThis && cause.fault === "compensation fails once"
      ? Math.min(2, most)
      : ofThis && cause.fault === "compensation fails for good"
        ? most
        : 1;
  return calls(step.compensation?.path ?? "", `${step.name}/compensate`, times);
}

/** Whether no attempt at undoing the step succeeds: also where one failure is all that the policy allows. */
function failsForGood(step: StepDefinition, { step: failing, fault }: Cause): boolean {
  return (
    failing.name === step.name &&
    (fault === "compensation fails for good" || (fault === "compensation fails once" && maxUndos(step) === 1))
  );
}

function maxUndos({ compensation }: StepDefinition): number {
  return compensation?.retry.maxAttempts ?? 0;
}

function answer({ mode }: FacadeDefinition, { name }: StepDefinition, { status = "UNKNOWN" }: Fate): ExpectedAnswer {
  if (mode === "async") {
    return { ok: true }; // Given before any step.
  }
  return status === "interrupted"
    ? { ok: false, status: "UNAVAILABLE", reason: "SAGA_INTERRUPTED", step: undefined }
    : { ok: false, status, reason: "SAGA_STEP_FAILED", step: name };
}

function calls(method: string, key: string, times: number): Chain {
  return Array.from({ length: times }, () => ({ method, key }));
}

function made(stage: Stage): Stage {
  return stage.filter((chain) => chain.length > 0);
}

function lastGroup({ steps }: FacadeDefinition): number {
  return Math.max(-1, ...steps.map(({ group }) => group));
}
