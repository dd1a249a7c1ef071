import { finishedBefore, finishedBeforeAnswer } from "../emit/context.js";
import { access, optionalAccess } from "../emit/names.js";
import type { Field, Message, PlannedFacade, PlannedStep } from "../model.js";
import { describeType, fits, namesSagaId, sameName, zeroValue } from "./field-type.js";

/** The parameters of a node. */
export type ContextName = "sagaId" | "request" | "results" | "sent" | "received";

/** A stub's value for a field: an expression, or a todo, from its longest wording to its shortest. */
export type Value =
  | { readonly kind: "filled"; readonly text: string; readonly uses: ContextName }
  | { readonly kind: "todo"; readonly wordings: readonly string[] }
  | {
      readonly kind: "default";
      readonly text: string;
      readonly uses: ContextName;
      readonly wordings: readonly string[];
      /** The value to use if another field identifies what to compensate. Undefined if there is none. */
      readonly otherwise: string | undefined;
    };

/** Finds the value of a field. */
export type FindValue = (field: Field, message: Message) => Value;

interface Candidate {
  readonly text: string;
  readonly uses: ContextName;
  readonly field: Field;
}

/** The values of a step's request: from the facade's request and the responses of earlier steps. */
export function requestValues(step: PlannedStep, facade: PlannedFacade): FindValue {
  return (field) => pick(field, known(facade, finishedBefore(step, facade))) ?? sagaIdOrTodo(field);
}

/** The values of the facade's response. */
export function responseValues(facade: PlannedFacade): FindValue {
  return (field) => pick(field, known(facade, finishedBeforeAnswer(facade))) ?? sagaIdOrTodo(field);
}

/**
 * The values of a compensation's request, in this order: from the sent message, which is always known; from the saga's id;
 * from the received message, which may be missing; from the values available to the step. A field that both the sent and the
 * received message have is ambiguous: the `id` of a refund is the charge's, not the customer's.
 */
export function compensationValues(step: PlannedStep, facade: PlannedFacade): FindValue {
  return (field, message) =>
    pickSent(field, step) ??
    sagaId(field) ??
    pickReceived(field, message, step) ??
    pick(field, known(facade, finishedBefore(step, facade))) ??
    sagaIdOrTodo(field);
}

/**
 * Decides the values of a compensation whose step's response was lost. A received value may be empty only if another field
 * identifies what to compensate: with an empty id alone, the upstream would compensate nothing and report success.
 */
export function settleReceived(values: readonly Value[]): Value[] {
  const grounded = values.some(({ kind }) => kind === "filled");
  return values.map((value) =>
    grounded && value.kind === "default" && value.otherwise !== undefined
      ? { kind: "filled", text: value.otherwise, uses: value.uses }
      : value,
  );
}

/** The todo of a oneof. */
export function oneofTodo(oneof: string, members: readonly Field[]): Value {
  const names = members.map((member) => member.protoName).join(", ");
  const typed = members.map((member) => `${member.protoName}: ${describeType(member)}`).join(", ");
  return { kind: "todo", wordings: [`${oneof}: one of ${typed}`, `${oneof}: one of ${names}`, oneof] };
}

function known(facade: PlannedFacade, steps: readonly PlannedStep[]): Candidate[] {
  return [
    ...fieldsOf(facade.rpc.input, "request", "request"),
    ...steps.flatMap((step) => fieldsOf(step.rpc.output, `results${access(step.name)}`, "results")),
  ];
}

function fieldsOf(message: Message, text: string, uses: ContextName): Candidate[] {
  return message.fields.map((field) => ({ text: `${text}${access(field.property)}`, uses, field }));
}

/** The only candidate that matches by name and type. Undefined if there is none. */
function pick(field: Field, candidates: readonly Candidate[]): Value | undefined {
  const matches = candidates.filter(
    (candidate) => sameName(candidate.field.protoName, field.protoName) && fits(candidate.field, field),
  );
  const [first, second] = matches;
  if (!first || !second) {
    return first && { kind: "filled", text: first.text, uses: first.uses };
  }
  return todoFor(field, [
    `${matches.map(({ text }) => spoken(text)).join(" or ")}?`,
    `${spoken(first.text)}, ${spoken(second.text)} or another?`,
    `${matches.length} candidates`,
  ]);
}

/** An expression without quotes, for use in a string. */
function spoken(text: string): string {
  return text.replace(/\["(\w+)"\]/g, ".$1");
}

function pickSent(field: Field, step: PlannedStep): Value | undefined {
  const sent = fieldsOf(step.rpc.input, "sent", "sent");
  const found = pick(field, sent);
  if (found === undefined) {
    return undefined;
  }
  const received = fieldsOf(step.rpc.output, "received", "received");
  return pick(field, received) === undefined ? found : pick(field, [...sent, ...received]);
}

function pickReceived(field: Field, message: Message, step: PlannedStep): Value | undefined {
  const found = pick(field, fieldsOf(step.rpc.output, "received", "received"));
  if (found?.kind !== "filled") {
    return found;
  }
  const source = step.rpc.output.fields.find((candidate) => found.text === `received${access(candidate.property)}`);
  const text = `received${optionalAccess(source?.property ?? field.property)}`;
  const zero = zeroValue(field, message);
  const what = `${field.protoName} if the answer was lost`;
  return {
    kind: "default",
    text,
    uses: "received",
    wordings: [`${what}: by what was sent, or the idempotency key?`, `${what}: by what was sent?`, what],
    otherwise: field.optional ? text : zero && `${text} ?? ${zero}`,
  };
}

function sagaId(field: Field): Value | undefined {
  return namesSagaId(field) ? { kind: "filled", text: "sagaId", uses: "sagaId" } : undefined;
}

function sagaIdOrTodo(field: Field): Value {
  return sagaId(field) ?? todoFor(field, []);
}

function todoFor(field: Field, hints: readonly string[]): Value {
  const what = `${field.protoName}: ${describeType(field)}`;
  return { kind: "todo", wordings: [...hints.map((hint) => `${what}: ${hint}`), what, field.protoName] };
}
