import { facadeName, nodeName } from "../emit/context.js";
import { lineWidth } from "../emit/layout.js";
import { propertyKey } from "../emit/names.js";
import type { Message, PlannedFacade, PlannedStep } from "../model.js";
import {
  type ContextName,
  compensationValues,
  type FindValue,
  oneofTodo,
  requestValues,
  responseValues,
  settleReceived,
  type Value,
} from "./value.js";

/** The names by which a node file knows what it imports. */
export interface StubNames {
  readonly nodes: string;
  readonly todo: string;
}

/** The stub of one node. */
export interface NodeStub {
  /** The name that it is exported by. */
  readonly name: string;
  /** Its text for the names given, without a final newline. */
  text(names: StubNames): string;
  /** Whether it holds a todo. */
  readonly todo: boolean;
}

interface Line {
  readonly property: string;
  readonly value: Value;
}

/** The order in which a node's parameters are named. */
const contextNames: readonly ContextName[] = ["sagaId", "request", "results", "sent", "received"];

/** The stubs of all nodes that a facade needs, in the order of its steps. */
export function nodeStubs(facade: PlannedFacade): NodeStub[] {
  return [...facade.steps.map((step) => stepStub(step, facade)), respondStub(facade)];
}

function stepStub(step: PlannedStep, facade: PlannedFacade): NodeStub {
  const request = lines(step.rpc.input, requestValues(step, facade));
  const compensate = step.compensation && settled(lines(step.compensation.rpc.input, compensationValues(step, facade)));
  const name = nodeName(step);
  return {
    name,
    todo: [...request, ...(compensate ?? [])].some(isTodo),
    text: (names) =>
      [
        `/** ${step.rpc.fullName} */`,
        `export const ${name}: ${names.nodes}[${JSON.stringify(name)}] = {`,
        `  request: ${builder(request, "  ", names)},`,
        ...(compensate ? [`  compensate: ${builder(compensate, "  ", names)},`] : []),
        "};",
      ].join("\n"),
  };
}

function respondStub(facade: PlannedFacade): NodeStub {
  const response = lines(facade.rpc.output, responseValues(facade));
  return {
    name: "respond",
    todo: response.some(isTodo),
    text: (names) =>
      [
        `/** The response of ${facadeName(facade)}. */`,
        `export const respond: ${names.nodes}["respond"] = ${builder(response, "", names)};`,
      ].join("\n"),
  };
}

/** One line a property: a oneof's members share one. */
function lines(message: Message, find: FindValue): Line[] {
  const oneofs = new Set<string>();
  return message.fields.flatMap((field): Line[] => {
    if (field.oneof === undefined) {
      return [{ property: field.property, value: find(field, message) }];
    }
    if (oneofs.has(field.oneof)) {
      return [];
    }
    oneofs.add(field.oneof);
    const members = message.fields.filter(({ oneof }) => oneof === field.oneof);
    return [{ property: field.oneof, value: oneofTodo(field.oneof, members) }];
  });
}

function settled(properties: readonly Line[]): Line[] {
  const values = settleReceived(properties.map(({ value }) => value));
  return properties.map((line, at) => ({ ...line, value: values[at] ?? line.value }));
}

function isTodo({ value }: Line): boolean {
  return value.kind !== "filled";
}

/** `({ request }) => ({ … })`, naming no parameter that it doesn't use. */
function builder(properties: readonly Line[], indentation: string, names: StubNames): string {
  const used = contextNames.filter((name) =>
    properties.some(({ value }) => value.kind !== "todo" && value.uses === name),
  );
  const head = used.length === 0 ? "()" : `({ ${used.join(", ")} })`;
  if (properties.length === 0) {
    return `${head} => ({})`;
  }
  const body = properties.map(({ property, value }) => {
    const key = `${indentation}  ${propertyKey(property)}: `;
    return `${key}${expression(value, names, lineWidth - key.length - 1)},`;
  });
  return [`${head} => ({`, ...body, `${indentation}})`].join("\n");
}

function expression(value: Value, { todo }: StubNames, width: number): string {
  if (value.kind === "filled") {
    return value.text;
  }
  const before = value.kind === "default" ? `${value.text} ?? ` : "";
  const calls = value.wordings.map((wording) => `${before}${todo}(${JSON.stringify(wording)})`);
  return calls.find((call) => call.length <= width) ?? calls.at(-1) ?? `${todo}("")`;
}
