import { finishedBefore, finishedBeforeAnswer } from "../emit/context.js";
import { access, optionalAccess } from "../emit/names.js";
import type { Field, Message, PlannedFacade, PlannedStep } from "../model.js";
import { describeType, fits, namesSagaId, sameName, zeroValue } from "./field-type.js";

/** What a node is given. */
export type ContextName = "sagaId" | "request" | "results" | "sent" | "received";

/** What a stub gives a field: an expression, or what is still to be done, from the fullest wording to the shortest. */
export type Value =
  | { readonly kind: "filled"; readonly text: string; readonly uses: ContextName }
  | { readonly kind: "todo"; readonly wordings: readonly string[] }
  | {
      readonly kind: "default";
      readonly text: string;
      readonly uses: ContextName;
      readonly wordings: readonly string[];
      /** What stands for it where something else says what to undo; undefined where nothing can. */
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
 * The values of a compensation's request: best what was sent, which is always known; then the saga's id; then what was
 * received, which may be missing; then what the step itself could draw on. A field that both the sent and the received
 * message have is nobody's to guess: the `id` of a refund is the charge's, not the customer's.
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
 * Settles what a compensation says where the answer was lost: what was received may be left empty only where something else
 * says what to undo. An empty id alone would have the upstream undo nothing, and the saga be called compensated.
 */
export function settleReceived(values: readonly Value[]): Value[] {
  const grounded = values.some(({ kind }) => kind === "filled");
  return values.map((value) =>
    grounded && value.kind === "default" && value.otherwise !== undefined
      ? { kind: "filled", text: value.otherwise, uses: value.uses }
      : value,
  );
}

/** What is to be done for a oneof. */
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

/** The one candidate that matches by name and type; undefined where there is none. */
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

/** An expression without quotes, to stand in a string. */
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
