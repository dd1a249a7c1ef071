import type { ListedFacade, Place, PlannedFacade, PlannedStep } from "../model.js";

/** A step before and now. */
export interface Pair {
  readonly old: PlannedStep;
  /** Its position before. */
  readonly oldAt: number;
  readonly now: PlannedStep;
  /** Its current location in the facade's list. */
  readonly place: Place;
}

/** A facade's steps before and now. */
export interface Aligned {
  /** In the current order. */
  readonly pairs: readonly Pair[];
  readonly removed: readonly PlannedStep[];
  readonly inserted: readonly { readonly step: PlannedStep; readonly place: Place }[];
}

/** Matches steps by name, and a removed with an added name if both call the same RPC. */
export function alignSteps(old: PlannedFacade, now: PlannedFacade, listed: ListedFacade): Aligned {
  const places = listed.groups.flatMap(({ steps }) => steps.map(({ place }) => place));
  const left = new Map(old.steps.map((step, oldAt) => [oldAt, step]));
  const found = new Map<PlannedStep, number>();
  const match = (wanted: PlannedStep, fits: (step: PlannedStep) => boolean): void => {
    const [entry] = found.has(wanted) ? [] : [...left].filter(([, step]) => fits(step));
    if (entry !== undefined) {
      found.set(wanted, entry[0]);
      left.delete(entry[0]);
    }
  };
  for (const step of now.steps) {
    match(step, ({ name }) => name === step.name);
  }
  for (const step of now.steps) {
    match(step, ({ rpc }) => rpc.path === step.rpc.path);
  }
  const placed = now.steps.map((step, at) => ({ step, place: places[at] ?? listed.place }));
  return {
    pairs: placed.flatMap(({ step, place }) => {
      const oldAt = found.get(step);
      const before = oldAt === undefined ? undefined : old.steps[oldAt];
      return oldAt === undefined || before === undefined ? [] : [{ old: before, oldAt, now: step, place }];
    }),
    removed: [...left.values()],
    inserted: placed.filter(({ step }) => !found.has(step)),
  };
}
