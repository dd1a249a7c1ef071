import { relative } from "node:path";
import { SagaError } from "../../core/errors.js";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import { findTodos, type LeftTodo } from "../../facade/todo.js";
import type { Expected } from "./expected.js";
import { doesNotApply, type Fault, faults } from "./fault.js";
import { expectedOf, expectedWithoutFault } from "./oracle.js";
import { type Play, play } from "./play.js";
import { report } from "./report.js";
import { type Accepted, type MadeUp, messagesOf } from "./sample.js";
import type { Seen } from "./seen.js";

/** What the matrix is run on. */
export interface FaultMatrixOptions {
  readonly facade: FacadeDefinition;
  /** Messages in proto3 JSON. Default: empty ones */
  readonly madeUp?: MadeUp;
  /** Messages as their codecs have them, which win over those that are made up. */
  readonly sample?: Accepted & {
    readonly request?: unknown;
    /** By step name. */
    readonly responses?: object;
  };
}

/** One case of the matrix. */
export interface MatrixCase {
  /** "createOrder: crash after the call" */
  readonly name: string;
  /** The step that the fault comes to; undefined where none does. */
  readonly step: string | undefined;
  readonly fault: Fault | undefined;
  /** Why the fault can't come to the step; undefined where it can. */
  readonly doesNotApply: string | undefined;
  /** What must come of it; undefined where it does not apply. */
  readonly expected: Expected | undefined;
  /**
   * Plays it, once with each message delivered within the transaction that sends it, and once with each going through its
   * topic and coming twice: the same must come of both. Each run is the same. A case that does not apply has nothing to play.
   * @throws Error where something else comes of it than expected, with both side by side
   */
  run(): Promise<MatrixResult | undefined>;
}

/** What came of a case, where each message came once. */
export interface MatrixResult {
  readonly expected: Expected;
  readonly seen: Seen;
}

/**
 * The fault matrix of a facade: every fault that may come to each step, on the facade's own nodes and the real engine, in
 * virtual time. The first case is that of no fault.
 */
export function faultMatrix({ facade, madeUp = {}, sample = {} }: FaultMatrixOptions): readonly MatrixCase[] {
  const todos = findTodos([facade]);
  if (todos.length > 0) {
    return [unfilled(todos)];
  }
  let good: Promise<Seen> | undefined;

  async function run(name: string, expected: Expected, trouble?: Play["trouble"]): Promise<MatrixResult> {
    const messages = messagesOf(facade, sample, madeUp);
    const usual = { facade, messages, accepted: sample, delivery: "claimed" } as const;
    good ??= play({ ...usual, calls: facade.steps.length });
    const { threw } = await good;
    if (threw.length > 0) {
      throw new Error(trouble === undefined ? badSample(name, threw) : `${name}: not played, see "no fault"`);
    }
    const calls = expected.stages.flat(2).length;
    const seen = await play({ ...usual, calls, trouble });
    const again = await play({ ...usual, calls, trouble, delivery: "twice" });
    const wrong = report(name, expected, seen) ?? report(`${name}, each message twice`, expected, again);
    if (wrong !== undefined) {
      throw new Error(wrong);
    }
    return { expected, seen };
  }

  function caseOf(step: StepDefinition, fault: Fault): MatrixCase {
    const name = `${step.name}: ${fault}`;
    const why = doesNotApply(step, fault);
    if (why !== undefined) {
      return { name, step: step.name, fault, doesNotApply: why, expected: undefined, run: async () => undefined };
    }
    const expected = expectedOf(facade, step, fault);
    const check = () => run(name, expected, { step, fault });
    return { name, step: step.name, fault, doesNotApply: undefined, expected, run: check };
  }

  const expected = expectedWithoutFault(facade);
  const none = { name: "no fault", step: undefined, fault: undefined, doesNotApply: undefined, expected };
  return [
    { ...none, run: () => run(none.name, expected) },
    ...facade.steps.flatMap((step) => faults.map((fault) => caseOf(step, fault))),
  ];
}

function unfilled(todos: readonly LeftTodo[]): MatrixCase {
  const list = todos.map(({ what, file, line }) => `  ${relative(".", file)}:${line}: todo(${JSON.stringify(what)})`);
  const count = todos.length === 1 ? "1 todo is" : `${todos.length} todos are`;
  const text = `${count} left in the node files, so the fault matrix can't run; fill them in:\n${list.join("\n")}`;
  const name = "the nodes are filled in";
  const run = () => Promise.reject(new SagaError("SAGA_NODE_TODO", text));
  return { name, step: undefined, fault: undefined, doesNotApply: undefined, expected: undefined, run };
}

function badSample(name: string, threw: readonly string[]): string {
  return [
    `${name}: the nodes don't take the sample, so this says nothing of how the saga fares`,
    ...threw.map((what) => `  ${what}`),
    "Give a request and responses that they take: a generated spec takes them from the .sample.ts file beside the nodes.",
  ].join("\n");
}
