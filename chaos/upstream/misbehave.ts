import { status } from "@grpc/grpc-js";
import type { Fault } from "../../test/support/faults.js";
import { createRandom } from "../random.js";

/** What an upstream does wrong with one call, and its name for the counts. */
export interface Misbehaviour {
  readonly name: string;
  readonly fault: Fault;
}

const { UNAVAILABLE, UNKNOWN, INTERNAL, RESOURCE_EXHAUSTED, FAILED_PRECONDITION } = status;

/** Probabilities per attempt of a step. "does it late" exceeds the step's timeout of 2 s: a compensation may come first. */
const ofSteps = {
  "refuses, not done": 0.02,
  "fails, not done": 0.02,
  "fails, done": 0.02,
  "hangs, not done": 0.004,
  "hangs, done": 0.004,
  "does it late": 0.006,
  slow: 0.04,
} as const;

/** Probabilities per early attempt of a compensation. Later attempts succeed, so that no saga may be STUCK. */
const ofCompensations = { "fails, not done": 0.05, "fails, done": 0.05, "hangs, done": 0.004, slow: 0.04 } as const;
const faultyCompensations = 3;

/** Probabilities per saga and step that every attempt fails. */
const forGood = { "always fails, not done": 0.008, "always fails, done": 0.008 } as const;

/** The names of all misbehaviours. */
export const misbehaviours: readonly string[] = [
  ...new Set([...Object.keys(ofSteps), ...Object.keys(ofCompensations), ...Object.keys(forGood)]),
];

/** The misbehaviour for an attempt, from 1, of a call, determined by the seed. Undefined: it succeeds. */
export function misbehave(seed: string, method: string, sagaId: string, attempt: number): Misbehaviour | undefined {
  const always = createRandom(`${seed}/upstream/${method}/${sagaId}`);
  const now = createRandom(`${seed}/upstream/${method}/${sagaId}/${attempt}`);
  if (method.startsWith("cancel")) {
    return attempt > faultyCompensations ? undefined : named(now.share(ofCompensations), now.between(20, 400));
  }
  if (!method.startsWith("create")) return undefined;
  return named(always.share(forGood) ?? now.share(ofSteps), now.between(20, 400));
}

function named(name: string | undefined, ms: number): Misbehaviour | undefined {
  return name === undefined ? undefined : { name, fault: faultOf(name, ms) };
}

function faultOf(name: string, ms: number): Fault {
  const effect = name.endsWith(", done");
  const code = [UNAVAILABLE, UNKNOWN, INTERNAL, RESOURCE_EXHAUSTED][Math.floor(ms) % 4] ?? UNAVAILABLE;
  if (name.startsWith("refuses")) return { fail: { code: FAILED_PRECONDITION, message: "chaos: refused" } };
  if (name.includes("fail")) return { fail: { code, message: "chaos: failed" }, effect };
  if (name.startsWith("hangs")) return { hang: true, effect };
  return { delayMs: name === "does it late" ? 2_000 + ms : ms };
}
