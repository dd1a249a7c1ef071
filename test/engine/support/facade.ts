import type { RetryPolicy } from "../../../runtime/core/plan.js";
import type { CompensationDefinition, FacadeDefinition, StepDefinition } from "../../../runtime/facade/definition.js";
import { defineDto } from "../../../runtime/facade/dto.js";
import { jsonCodec } from "./codec.js";

/** How a step differs from the usual one. */
export interface StepSpec extends Partial<Omit<StepDefinition, "name" | "compensation" | "node">> {
  /** How its compensation differs from the usual one. */
  readonly undo?: Partial<CompensationDefinition>;
  readonly node?: Partial<StepDefinition["node"]>;
}

/** How a facade differs from the usual one. */
export interface FacadeSpec extends Partial<Omit<FacadeDefinition, "steps" | "dto" | "topics">> {
  /** By name, in the order of their groups. */
  readonly steps: Readonly<Record<string, StepSpec>>;
}

/** Three attempts with no wait between them. */
export const quick: RetryPolicy = { maxAttempts: 3, initialBackoffMs: 1, maxBackoffMs: 1, multiplier: 1 };

/**
 * A facade on JSON messages. By default each step has a group for itself, has a compensation, is
 * tried three times, calls "/<name>" and "/<name>/undo", and sends what it knows.
 */
export function facadeOf({ steps, name = "test.Service/Run", ...spec }: FacadeSpec): FacadeDefinition {
  let group = -1;
  const defined = Object.entries(steps).map(([step, own]) => {
    group = own.group ?? group + 1;
    return stepOf(step, group, own);
  });
  return {
    name,
    mode: "sync",
    fingerprint: "f1",
    recovery: "roll-back",
    topics: {
      rollback: `${name}.rollback`,
      steps: spec.mode === undefined || spec.mode === "sync" ? [] : Object.keys(steps).map((step) => `${name}.${step}`),
    },
    request: jsonCodec,
    response: jsonCodec,
    types: { request: "test.Request", response: "test.Response" },
    respond: ({ results }) => results,
    dto: defineDto<unknown, Record<string, unknown>>(name, {
      request: jsonCodec,
      results: Object.fromEntries(Object.keys(steps).map((step) => [step, jsonCodec])),
    }),
    nodeFile: new URL("none.ts", import.meta.url),
    ...spec,
    steps: defined,
  };
}

function stepOf(name: string, group: number, { undo, node, ...spec }: StepSpec): StepDefinition {
  const kind = spec.kind ?? "compensatable";
  const compensation = { path: `/${name}/undo`, timeoutMs: 5_000, retry: quick, request: jsonCodec, ...undo };
  return {
    name,
    group,
    kind,
    service: "test.Upstream",
    path: `/${name}`,
    timeoutMs: 5_000,
    retry: quick,
    idempotent: true,
    compensateOnFailure: false,
    request: jsonCodec,
    response: jsonCodec,
    ...spec,
    ...(kind === "compensatable" ? { compensation } : {}),
    node: {
      request: ({ request, results }) => ({ request, results }),
      compensate: ({ sent, received }) => ({ sent, received: received ?? "undefined" }),
      ...node,
    },
  };
}
