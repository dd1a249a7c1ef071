import fc from "fast-check";
import { expect, test } from "vitest";
import { compareFacades } from "../../generator/check/facade-breaks.js";
import { planFacade } from "../../generator/check/plan.js";
import { collectReports } from "../../generator/check/report.js";
import type { ListedFacade, ListedStep, Message, Rpc } from "../../generator/model.js";

const file = { path: "a.proto", package: "p", syntax: "proto3" };
const place = { path: "a.proto", line: 1, column: 1 };
const message = (fullName: string): Message => ({ fullName, file, typeName: fullName, fields: [], sample: [] });

const anyMessage = fc.constantFrom("M", "N").map(message);
const compensation = fc.record({ name: fc.constantFrom("Undo", "Revert"), input: anyMessage }).map(
  ({ name, input }): Rpc => ({
    fullName: `p.Up.${name}`,
    service: "p.Up",
    name,
    path: `/p.Up/${name}`,
    file,
    place,
    input,
    output: message("M"),
    streaming: false,
    idempotency: "unknown",
  }),
);
const anyStep = fc.record({
  stepName: fc.constantFrom("", "a", "b", "c"),
  name: fc.constantFrom("A", "B", "C", "D"),
  input: anyMessage,
  output: anyMessage,
  idempotency: fc.constantFrom<Rpc["idempotency"]>("unknown", "idempotent", "no-side-effects"),
  kind: fc.constantFrom("unspecified" as const, "unspecified" as const, "pivot" as const),
  noEffect: fc.boolean(),
  compensateOnFailure: fc.boolean(),
  undo: fc.option(compensation, { nil: undefined }),
});
type Step = typeof anyStep extends fc.Arbitrary<infer Value> ? Value : never;
const nameOf = ({ stepName, name }: Step) => stepName || name.toLowerCase();
const anySteps = fc.uniqueArray(anyStep, { selector: nameOf, minLength: 1, maxLength: 4 });
const anyFacade = fc.record({
  mode: fc.constantFrom<ListedFacade["mode"]>("sync", "async", "throttled"),
  recovery: fc.constantFrom<ListedFacade["recovery"]>("unspecified", "roll-back", "carry-on"),
  input: anyMessage,
  output: anyMessage,
  steps: anySteps,
  /** Whether a new group begins at a step. */
  breaks: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
});
type Facade = typeof anyFacade extends fc.Arbitrary<infer Value> ? Value : never;

/** A facade with one or a few changes. In two random facades nearly everything would differ. */
const anyPair = anyFacade.chain((old) =>
  fc.tuple(
    fc.constant(old),
    fc.oneof(
      fc.constant(old),
      onePart(anyFacade).map((part): Facade => ({ ...old, ...part })),
      fc.shuffledSubarray(old.steps, { minLength: 1 }).map((steps) => ({ ...old, steps })),
      fc.tuple(fc.nat(old.steps.length - 1), onePart(anyStep)).map(([at, part]) => {
        const steps = old.steps.map((step, position): Step => (position === at ? { ...step, ...part } : step));
        return new Set(steps.map(nameOf)).size === steps.length ? { ...old, steps } : old;
      }),
    ),
  ),
);

/** One property of a value. */
function onePart<Value extends object>(any: fc.Arbitrary<Value>): fc.Arbitrary<Partial<Value>> {
  return any.chain((value) =>
    fc.constantFrom(...Object.entries(value)).map(([key, part]) => ({ [key]: part }) as Partial<Value>),
  );
}

function listedStep({ stepName, name, undo, kind, noEffect, compensateOnFailure, ...rpc }: Step): ListedStep {
  const step = { compensation: undo?.name ?? "", compensationPlace: place, kind, noEffect, compensateOnFailure, place };
  const fullName = `p.Up.${name}`;
  return {
    call: fullName,
    rpc: { fullName, service: "p.Up", name, path: `/p.Up/${name}`, file, place, streaming: false, step, ...rpc },
    ...(undo && { compensation: undo }),
    name: stepName,
    topic: "",
    place,
  };
}

function listedFacade({ mode, recovery, input, output, steps, breaks }: Facade): ListedFacade {
  const groups: ListedStep[][] = [];
  for (const [at, step] of steps.map(listedStep).entries()) {
    if (at === 0 || breaks[at]) {
      groups.push([step]);
    } else {
      groups.at(-1)?.push(step);
    }
  }
  const name = "F";
  const rpc = { fullName: "p.S.F", service: "p.S", name, path: "/p.S/F", file, place, input, output, streaming: false };
  return {
    rpc: { ...rpc, idempotency: "unknown" },
    mode,
    recovery,
    rollbackTopic: "",
    groups: groups.map((steps) => ({ parallel: steps.length > 1, steps, place })),
    place,
  };
}

test("a change is reported if and only if it changes the fingerprint, whatever it is", () => {
  let changed = 0;
  fc.assert(
    fc.property(anyPair, ([before, after]) => {
      const { report, sorted } = collectReports();
      const [old, now] = [listedFacade(before), listedFacade(after)];
      const [was, is] = [planFacade(old), planFacade(now)];
      compareFacades(report, was, is, now);
      const differ = was.fingerprint !== is.fingerprint;
      changed += differ ? 1 : 0;
      expect(sorted().length > 0).toBe(differ);
    }),
    { numRuns: 3_000 },
  );
  expect(changed).toBeGreaterThan(500);
  expect(changed).toBeLessThan(2_500);
});
