import fc from "fast-check";
import { expect, test } from "vitest";
import { compareFacades } from "../../generator/check/facade-breaks.js";
import { planFacade } from "../../generator/check/plan.js";
import { collectReports } from "../../generator/check/report.js";
import type { ListedFacade, ListedStep, Message, Rpc } from "../../generator/model.js";

const file = { path: "a.proto", package: "p", syntax: "proto3" };
const place = { path: "a.proto", line: 1, column: 1 };
const message = (fullName: string): Message => ({ fullName, file, typeName: fullName, fields: [] });

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
const anyStep = fc
  .record({
    stepName: fc.constantFrom("", "a", "b", "c"),
    name: fc.constantFrom("A", "B", "C", "D"),
    input: anyMessage,
    output: anyMessage,
    idempotency: fc.constantFrom<Rpc["idempotency"]>("unknown", "idempotent", "no-side-effects"),
    kind: fc.constantFrom("unspecified" as const, "unspecified" as const, "pivot" as const),
    noEffect: fc.boolean(),
    compensateOnFailure: fc.boolean(),
    undo: fc.option(compensation, { nil: undefined }),
  })
  .map(({ stepName, name, undo, kind, noEffect, compensateOnFailure, ...rpc }): ListedStep => {
    const step = {
      compensation: undo?.name ?? "",
      compensationPlace: place,
      kind,
      noEffect,
      compensateOnFailure,
      place,
    };
    const fullName = `p.Up.${name}`;
    return {
      call: fullName,
      rpc: { fullName, service: "p.Up", name, path: `/p.Up/${name}`, file, place, streaming: false, step, ...rpc },
      ...(undo && { compensation: undo }),
      name: stepName,
      topic: "",
      place,
    };
  });
const nameOf = ({ name, rpc }: ListedStep) => name || rpc?.name.toLowerCase();
const anyFacade = fc
  .record({
    mode: fc.constantFrom<ListedFacade["mode"]>("sync", "async", "throttled"),
    recovery: fc.constantFrom<ListedFacade["recovery"]>("unspecified", "roll-back", "carry-on"),
    input: anyMessage,
    output: anyMessage,
    steps: fc.uniqueArray(anyStep, { selector: nameOf, minLength: 1, maxLength: 3 }),
    breaks: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  })
  .map(({ mode, recovery, input, output, steps, breaks }): ListedFacade => {
    const groups: ListedStep[][] = [];
    for (const [at, step] of steps.entries()) {
      if (at === 0 || breaks[at]) {
        groups.push([step]);
      } else {
        groups.at(-1)?.push(step);
      }
    }
    const name = "F";
    const rpc = {
      fullName: "p.S.F",
      service: "p.S",
      name,
      path: "/p.S/F",
      file,
      place,
      input,
      output,
      streaming: false,
    };
    return {
      rpc: { ...rpc, idempotency: "unknown" },
      mode,
      recovery,
      rollbackTopic: "",
      groups: groups.map((steps) => ({ parallel: steps.length > 1, steps, place })),
      place,
    };
  });
/** Another facade that has most in common with it: of two at random nearly everything differs. */
const anyPair = anyFacade.chain((old) =>
  fc.tuple(
    fc.constant(old),
    fc.oneof(
      anyFacade,
      fc.constant(old),
      anyFacade.map(({ groups }) => ({ ...old, groups })),
      anyFacade.map((other) => ({ ...other, groups: old.groups })),
      fc.shuffledSubarray([...old.groups], { minLength: 1 }).map((groups) => ({ ...old, groups })),
      anyStep
        .filter((step) => !old.groups.some(({ steps }) => steps.some((other) => nameOf(other) === nameOf(step))))
        .map((step) => ({ ...old, groups: [...old.groups, { parallel: false, steps: [step], place }] })),
    ),
  ),
);

test("a change is reported if and only if it changes the fingerprint, whatever it is", () => {
  let changed = 0;
  fc.assert(
    fc.property(anyPair, ([old, now]) => {
      const { report, sorted } = collectReports();
      const [was, is] = [planFacade(old), planFacade(now)];
      compareFacades(report, was, is, now);
      const differ = was.fingerprint !== is.fingerprint;
      changed += differ ? 1 : 0;
      expect(sorted().map(({ code }) => code).length > 0).toBe(differ);
    }),
    { numRuns: 2_000 },
  );
  expect(changed).toBeGreaterThan(200);
  expect(changed).toBeLessThan(1_900);
});
