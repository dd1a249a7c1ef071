import { Rollback } from "../../runtime/core/errors.js";
import type { RetryPolicy } from "../../runtime/core/plan.js";
import type { FacadeDefinition, StepDefinition } from "../../runtime/facade/definition.js";
import { defineDto } from "../../runtime/facade/dto.js";
import type { CompensateContext, StepContext } from "../../runtime/facade/node.js";
import type { Chance } from "../../runtime/testing/world/chance.js";
import { jsonCodec } from "./json-codec.js";

/** What nodes send: what they were told, so that it can be checked where it arrives. */
export interface SentBody {
  readonly n: number;
  /** The steps whose results the node was shown. */
  readonly seen: readonly string[];
  /** Of a compensation: whether the node was shown the step's response. */
  readonly received?: boolean;
}

type Context = StepContext<unknown, unknown>;

const statuses = ["FAILED_PRECONDITION", "INVALID_ARGUMENT", "UNAVAILABLE", "INTERNAL", "NOT_FOUND"] as const;

/** Makes a facade at random. @param at its number in the scenario */
export function randomFacade(chance: Chance, at: number): FacadeDefinition {
  const name = `f${at}`;
  const mode = chance.pick(`${name}/mode`, ["sync", "sync", "async", "throttled"] as const);
  const steps = randomSteps(chance, name);
  const topics = {
    rollback: `${name}.rollback`,
    steps: mode === "sync" ? [] : steps.map((step) => `${name}.${step.name}`),
  };
  return {
    name,
    mode,
    fingerprint: name,
    recovery: mode !== "sync" || chance.roll(`${name}/recovery`) < 0.4 ? "carry-on" : "roll-back",
    ...(chance.roll(`${name}/deadline`) < 0.25 ? { deadlineMs: chance.between(`${name}/deadlineMs`, 100, 4_000) } : {}),
    topics,
    request: jsonCodec,
    response: jsonCodec,
    types: { request: "sim.Request", response: "sim.Response" },
    steps,
    respond: (context) => {
      const site = `${context.sagaId}/respond`;
      if (chance.fault("respond-throws", site, 0.02)) {
        throw new Rollback("FAILED_PRECONDITION", "no response");
      }
      return slowly(chance, site, { n: (context.request as { n: number }).n, seen: seenBy(context) });
    },
    dto: defineDto<unknown, Record<string, unknown>>(name, {
      request: jsonCodec,
      results: Object.fromEntries(steps.map((step) => [step.name, jsonCodec])),
    }),
    nodeFile: new URL("file:///none"),
  };
}

function randomSteps(chance: Chance, facade: string): StepDefinition[] {
  const count = chance.between(`${facade}/steps`, 1, 5);
  const pivot = chance.roll(`${facade}/pivot`) < 0.35 ? chance.between(`${facade}/pivotAt`, 0, count - 1) : undefined;
  let group = -1;
  let before: StepDefinition["kind"] | undefined;
  return Array.from({ length: count }, (_, at) => {
    const site = `${facade}/s${at}`;
    const plain = chance.roll(`${site}/read`) < 0.12 ? "read" : "compensatable";
    const kind = pivot === undefined || at < pivot ? plain : at === pivot ? "pivot" : "retriable";
    const apart = kind === "pivot" || before === "pivot" || before === undefined;
    group += apart || chance.roll(`${site}/apart`) < 0.6 ? 1 : 0;
    before = kind;
    return step(chance, site, `s${at}`, group, kind);
  });
}

function step(chance: Chance, site: string, name: string, group: number, kind: StepDefinition["kind"]): StepDefinition {
  const timeoutMs = chance.pick(`${site}/timeout`, [60, 200, 600, 1_500]);
  const compensation = {
    path: `/${site}/undo`,
    timeoutMs: chance.pick(`${site}/undoTimeout`, [60, 300, 900]),
    retry: policy(chance, `${site}/undo`, 2, 5),
    request: jsonCodec,
  };
  return {
    name,
    group,
    kind,
    service: "sim.Upstream",
    path: `/${site}`,
    timeoutMs,
    retry: policy(chance, site, 1, 4),
    idempotent: kind === "pivot" || kind === "retriable" || chance.roll(`${site}/idempotent`) < 0.8,
    compensateOnFailure: kind === "compensatable" && chance.roll(`${site}/onFailure`) < 0.2,
    request: jsonCodec,
    response: jsonCodec,
    ...(kind === "compensatable" ? { compensation } : {}),
    node: nodes(chance, name),
  };
}

function nodes(chance: Chance, name: string): StepDefinition["node"] {
  const asked = new Map<string, number>();
  return {
    request(context: Context) {
      // Past the pivot a node is asked again until it gives a request.
      const nth = (asked.get(context.sagaId) ?? 0) + 1;
      asked.set(context.sagaId, nth);
      const site = `${context.sagaId}/${name}/node-${nth}`;
      if (chance.fault("node-rollback", site, 0.02)) {
        throw new Rollback(chance.pick(`${site}/status`, statuses), "the node says no");
      }
      if (chance.fault("node-throws", site, 0.01)) {
        throw new Error("the node is broken");
      }
      return slowly(chance, site, { n: (context.request as { n: number }).n, seen: seenBy(context) });
    },
    compensate(context: CompensateContext<unknown, unknown, unknown, unknown>) {
      const site = `${context.sagaId}/${name}/compensate`;
      if (chance.fault("undo-node-throws", `${site}/node`, 0.03)) {
        throw new Error("the node can't undo");
      }
      const body: SentBody = {
        n: (context.sent as SentBody).n,
        seen: seenBy(context),
        received: context.received !== undefined,
      };
      return slowly(chance, site, body);
    },
  };
}

function seenBy(context: Context): string[] {
  return Object.keys(context.results as object).sort();
}

/** Some nodes answer at once, some later. */
function slowly<Body>(chance: Chance, site: string, body: Body): Body | Promise<Body> {
  return chance.roll(`${site}/slow`) < 0.15 ? Promise.resolve(body) : body;
}

function policy(chance: Chance, site: string, fewest: number, most: number): RetryPolicy {
  return {
    maxAttempts: chance.between(`${site}/attempts`, fewest, most),
    initialBackoffMs: chance.pick(`${site}/backoff`, [1, 20, 100, 400]),
    maxBackoffMs: 1_000,
    multiplier: chance.pick(`${site}/multiplier`, [1, 2]),
  };
}
