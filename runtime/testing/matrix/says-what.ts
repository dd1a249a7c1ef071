import type { StepDefinition } from "../../facade/definition.js";
import type { StepMessages } from "./ids.js";

/**
 * Where the answer never became known: what is wrong with a compensation's request that says nothing, so that the upstream
 * would undo nothing and the saga be called compensated; undefined where it says something. Not judged are a request that has
 * no fields, which leaves the upstream nothing to go by but the key, and one beside a call that said nothing either.
 * @param undoneByKey the steps for which an upstream finds by the idempotency key what to undo
 */
export function saysNothing(
  step: StepDefinition,
  { sent, received, undo }: StepMessages,
  undoneByKey: readonly string[],
): string | undefined {
  const codec = step.compensation?.request;
  if (codec === undefined || received !== undefined || sent === undefined || undoneByKey.includes(step.name)) {
    return undefined;
  }
  const said = codec.decode(undo);
  const hasFields = typeof said === "object" && said !== null && Object.keys(said).length > 0;
  if (!hasFields || !isEmpty(codec.toJSON(said)) || isEmpty(step.request.toJSON(step.request.decode(sent)))) {
    return undefined;
  }
  return (
    `${step.name}/compensate says nothing of what to undo where the answer was lost: its request holds only defaults; ` +
    "fill it in from sent or sagaId, or where the upstream finds by the idempotency key what to undo, " +
    `list "${step.name}" in undoneByKey of the sample`
  );
}

/** Whether JSON holds nothing but what a message holds that nobody has filled in. */
function isEmpty(json: unknown): boolean {
  if (typeof json === "object" && json !== null) {
    return Object.values(json).every(isEmpty);
  }
  return json === undefined || json === null || json === "" || json === false || json === 0 || json === "0";
}
