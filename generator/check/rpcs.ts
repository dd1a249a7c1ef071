import type { Rpc, SagaModel, StepOptions } from "../model.js";
import { didYouMean } from "./closest.js";
import { checkPolicy } from "./policies.js";
import type { Report } from "./report.js";

/** Whether repeating a call of the RPC with the same idempotency key is known to do no harm. */
export function isIdempotent(rpc: Rpc): boolean {
  return rpc.idempotency !== "unknown";
}

/** Whether the RPC, called as a step, leaves nothing to undo. */
export function isRead(rpc: Rpc): boolean {
  return rpc.idempotency === "no-side-effects" || rpc.step?.noEffect === true;
}

/** What an RPC that isn't known idempotent must say to be so. */
export const mendIdempotency = "say option idempotency_level = IDEMPOTENT if repeats do no harm";

/** Judges every marked RPC by itself, used by a facade or not: what is wrong wherever it were called. */
export function checkRpcs(report: Report, model: SagaModel): void {
  const facades = model.services.flatMap((service) => service.facades);
  const steps = facades.flatMap((facade) => facade.groups.flatMap((group) => group.steps));
  const known = new Map<string, Rpc>();
  for (const rpc of [...model.marked, ...steps.flatMap((step) => [step.rpc ?? [], step.compensation ?? []].flat())]) {
    known.set(rpc.fullName, rpc);
  }
  for (const rpc of known.values()) {
    checkRoles(report, rpc);
    if (rpc.step) {
      checkPolicy(report, "step", rpc.step);
      checkCompensationName(report, model, known, rpc, rpc.step);
      checkStepOptions(report, rpc, rpc.step);
    }
    if (rpc.compensation) {
      checkPolicy(report, "compensation", rpc.compensation);
    }
  }
}

function checkRoles(report: Report, rpc: Rpc): void {
  const place = rpc.step?.place ?? rpc.compensation?.place;
  if (!place) {
    return;
  }
  const role = rpc.step ? "step" : "compensation";
  if (rpc.facade) {
    const wrong = `${rpc.fullName} is a facade and marked as a ${role} too`;
    report("SAGA_FACADE_MIXED", place, `${wrong}; remove (saga.v1.${role}), sagas don't nest`);
  } else if (rpc.streaming) {
    report("SAGA_RPC_STREAMING", place, `${rpc.fullName} is streaming; a ${role} must be a unary RPC`);
  }
}

function checkCompensationName(
  report: Report,
  model: SagaModel,
  known: ReadonlyMap<string, Rpc>,
  rpc: Rpc,
  { compensation, compensationPlace: place }: StepOptions,
): void {
  if (compensation === "") {
    return;
  }
  const prefix = `${rpc.service}.`;
  const own = model.rpcNames.filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes("."));
  const fullName = [`${prefix}${compensation}`, compensation].find((name) => model.rpcNames.includes(name));
  if (fullName === undefined) {
    const others = own.map((name) => name.slice(prefix.length)).filter((name) => name !== rpc.name);
    const hint = didYouMean(compensation, others);
    const mend = `name an RPC of ${rpc.service}`;
    report("SAGA_COMPENSATION_UNKNOWN", place, `no RPC ${compensation} in ${rpc.service}${hint}; ${mend}`);
  } else if (!own.includes(fullName)) {
    const wrong = `compensation ${fullName} belongs to another service than ${rpc.fullName}`;
    report("SAGA_COMPENSATION_FOREIGN", place, `${wrong}; name an RPC of ${rpc.service}`);
  } else if (!known.get(fullName)?.compensation) {
    const mend = "add option (saga.v1.compensation) = {} to it";
    report("SAGA_COMPENSATION_UNMARKED", place, `${fullName} isn't marked as a compensation; ${mend}`);
  }
}

function checkStepOptions(report: Report, rpc: Rpc, step: StepOptions): void {
  if (isRead(rpc) && step.compensation !== "") {
    const why = step.noEffect ? "no_effect" : "idempotency_level = NO_SIDE_EFFECTS";
    const wrong = `${rpc.fullName} says ${why} and names a compensation`;
    report("SAGA_COMPENSATION_CONTRADICTED", step.compensationPlace, `${wrong}; remove one of the two`);
  }
  if (step.compensateOnFailure && step.compensation === "") {
    const wrong = `${rpc.fullName} says compensate_on_failure and names no compensation`;
    report("SAGA_COMPENSATE_ON_FAILURE_VAIN", step.place, `${wrong}; name one or remove compensate_on_failure`);
  }
  if (step.retry && step.retry.maxAttempts > 1 && !isIdempotent(rpc)) {
    const wrong = `${rpc.fullName} is to be retried and isn't known idempotent`;
    report("SAGA_RETRY_NOT_IDEMPOTENT", step.retry.place, `${wrong}; ${mendIdempotency}, or remove max_attempts`);
  }
  const kindPlace = step.kindPlace ?? step.place;
  if (step.kind === "pivot" && !isIdempotent(rpc)) {
    const wrong = `pivot ${rpc.fullName} isn't known idempotent, and an unknown outcome is resolved by calling it again`;
    report("SAGA_PIVOT_NOT_IDEMPOTENT", kindPlace, `${wrong}; ${mendIdempotency}`);
  }
  if (step.kind === "pivot" && step.compensation !== "" && !step.compensateOnFailure) {
    const wrong = `nothing undoes pivot ${rpc.fullName} once it has succeeded`;
    const mend = "remove compensation, or add compensate_on_failure to undo it when it fails";
    report("SAGA_COMPENSATION_UNREACHABLE", step.compensationPlace, `${wrong}; ${mend}`);
  }
}
