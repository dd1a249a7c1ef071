import fc from "fast-check";
import type { Failure, SagaEvent } from "../../runtime/core/event.js";

type Kind = SagaEvent["kind"];
type Of<One extends Kind> = Extract<SagaEvent, { kind: One }>;

const step = fc.nat({ max: 1_000 });
const attempt = fc.nat({ max: 2 ** 31 - 1 });
const bytes = fc.uint8Array({ maxLength: 40 });
/** Everything but halves of surrogate pairs, which UTF-8 does not have. */
const text = fc.string({ unit: "binary", maxLength: 40 });

const failure: fc.Arbitrary<Failure> = fc.record({
  code: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  message: text,
  reason: text,
  beforeCall: fc.boolean(),
});

function called<One extends "step-called" | "compensation-called">(kind: One) {
  return fc.record(
    { kind: fc.constant(kind), step, attempt, sent: bytes },
    { requiredKeys: ["kind", "step", "attempt"] },
  );
}

function failed<One extends "step-failed" | "compensation-failed">(kind: One) {
  return fc.record({ kind: fc.constant(kind), step, failure });
}

function operated<One extends "operator-retried" | "operator-skipped">(kind: One) {
  return fc.record({ kind: fc.constant(kind), step, who: text, why: text });
}

/** Any event of each kind that there is. */
export const eventsByKind: { readonly [One in Kind]: fc.Arbitrary<Of<One>> } = {
  started: fc.record({
    kind: fc.constant("started"),
    // The latest moment that a Date can hold does not fit into 32 bits, nor into a double's safe half.
    deadlineAtMs: fc.option(fc.integer({ min: 1, max: 8.64e15 }), { nil: undefined }),
    traceparent: text,
  }),
  "step-called": called("step-called"),
  "step-delivered": fc.record({ kind: fc.constant("step-delivered"), step }),
  "step-succeeded": fc.record({ kind: fc.constant("step-succeeded"), step, received: bytes }),
  "step-failed": failed("step-failed"),
  "deadline-passed": fc.constant({ kind: "deadline-passed" }),
  recovered: fc.constant({ kind: "recovered" }),
  "rollback-delivered": fc.constant({ kind: "rollback-delivered" }),
  "compensation-called": called("compensation-called"),
  "compensation-succeeded": fc.record({ kind: fc.constant("compensation-succeeded"), step }),
  "compensation-failed": failed("compensation-failed"),
  responded: fc.record({ kind: fc.constant("responded"), response: bytes }),
  "respond-failed": fc.record({ kind: fc.constant("respond-failed"), failure }),
  "operator-retried": operated("operator-retried"),
  "operator-skipped": operated("operator-skipped"),
};

/** Any event. */
export const anyEvent: fc.Arbitrary<SagaEvent> = fc.oneof(...Object.values(eventsByKind));
