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

/** The local names of a node file's imports. */
export interface StubNames {
  readonly nodes: string;
  readonly todo: string;
}

/** The stub of one node. */
export interface NodeStub {
  /** Its exported name. */
  readonly name: string;
  /** Its text with the given names, without a final newline. */
  text(names: StubNames): string;
  /** Whether it contains a todo. */
  readonly todo: boolean;
}

interface Line {
  readonly property: string;
  readonly value: Value;
}

/** The order of a node's parameters. */
const contextNames: readonly ContextName[] = ["sagaId", "request", "results", "sent", "received"];

/** The stubs of all nodes of a facade, in step order. */
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

/** One line per property. The members of a oneof share one. */
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

/** `({ request }) => ({ … })`, with only the parameters that it uses. */
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
