import type { Codec } from "../../facade/codec.js";
import type { StepDefinition } from "../../facade/definition.js";

/** The messages around a step, as bytes. `received`: undefined where the answer never became known. */
export interface StepMessages {
  readonly sent: Uint8Array | undefined;
  readonly received: Uint8Array | undefined;
  readonly undo: Uint8Array;
}

/**
 * The ids of a compensation's request that are others than those of what it is to undo. An id is compared with the one of the
 * same name in the step's response, where that is known, or else in its request; where both
 * have one it is the user's to say which is meant.
 * @param otherIds those that may differ: "createOrder.orderId"
 */
export function wrongIds(step: StepDefinition, messages: StepMessages, otherIds: readonly string[]): string[] {
  const codec = step.compensation?.request;
  if (codec === undefined) {
    return [];
  }
  const said = json(codec, messages.undo);
  return [
    ...only(idsOf(step.request, messages.sent), step.response).map((id) => ({ ...id, whence: "request" })),
    ...only(idsOf(step.response, messages.received), step.request).map((id) => ({ ...id, whence: "answer" })),
  ].flatMap(({ name, value, whence }) => {
    const field = fieldOf(codec, name, value);
    if (field === undefined || said[field] === value || otherIds.includes(`${step.name}.${field}`)) {
      return [];
    }
    const mend = `where that is meant, list "${step.name}.${field}" in otherIds of the sample`;
    const says = `${field} ${said[field] ?? "0 or nothing"}`;
    return [`${step.name}/compensate says ${says}, and the call's ${whence} ${name} ${value}; ${mend}`];
  });
}

type Json = Readonly<Record<string, unknown>>;

interface Id {
  readonly name: string;
  readonly value: unknown;
}

function idsOf(codec: Codec<unknown>, bytes: Uint8Array | undefined): Id[] {
  const fields = bytes === undefined ? [] : Object.entries(json(codec, bytes));
  return fields
    .filter(([name, value]) => isId(name) && (typeof value === "string" || typeof value === "number"))
    .map(([name, value]) => ({ name, value }));
}

/** Those that the other message has no field for. */
function only(ids: readonly Id[], other: Codec<unknown>): Id[] {
  return ids.filter(({ name, value }) => fieldOf(other, name, value) === undefined);
}

/** By what name a message has a field, if it has it: JSON leaves out what is empty, so it is asked for with a value. */
function fieldOf(codec: Codec<unknown>, name: string, value: unknown): string | undefined {
  const camel = name.charAt(0).toLowerCase() + name.slice(1).replace(/ID$/, "Id");
  return [name, camel].find((candidate) => {
    try {
      return toJson(codec, codec.fromJSON({ [candidate]: value }))[candidate] === value;
    } catch {
      return false; // It has a field of that name and another type.
    }
  });
}

function json(codec: Codec<unknown>, bytes: Uint8Array): Json {
  return toJson(codec, codec.decode(bytes));
}

function toJson(codec: Codec<unknown>, message: unknown): Json {
  const value = codec.toJSON(message);
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function isId(name: string): boolean {
  return /^(id|Id|ID)$|[a-z0-9](Id|ID)$|_id$/.test(name);
}
