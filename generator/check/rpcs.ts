import type { Rpc, SagaModel, StepOptions } from "../model.js";
import { didYouMean } from "./closest.js";
import { checkPolicy } from "./policies.js";
import type { Report } from "./report.js";

/** Whether repeating a call of the RPC with the same idempotency key is known to be harmless. */
export function isIdempotent(rpc: Rpc): boolean {
  return rpc.idempotency !== "unknown";
}

/** Whether the RPC, called as a step, has nothing to compensate. */
export function isRead(rpc: Rpc): boolean {
  return rpc.idempotency === "no-side-effects" || rpc.step?.noEffect === true;
}

/** The fix for an RPC that is not known to be idempotent. */
export const fixIdempotency = "set option idempotency_level = IDEMPOTENT if repeats are harmless";

/** Checks every marked RPC on its own, whether or not a facade uses it. */
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
    const wrong = `${rpc.fullName} is a facade and also marked as a ${role}`;
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
    const fix = `name an RPC of ${rpc.service}`;
    report("SAGA_COMPENSATION_UNKNOWN", place, `no RPC ${compensation} in ${rpc.service}${hint}; ${fix}`);
  } else if (!own.includes(fullName)) {
    const wrong = `compensation ${fullName} is not in the service of ${rpc.fullName}`;
    report("SAGA_COMPENSATION_FOREIGN", place, `${wrong}; name an RPC of ${rpc.service}`);
  } else if (!known.get(fullName)?.compensation) {
    const fix = "add option (saga.v1.compensation) = {} to it";
    report("SAGA_COMPENSATION_UNMARKED", place, `${fullName} isn't marked as a compensation; ${fix}`);
  }
}

function checkStepOptions(report: Report, rpc: Rpc, step: StepOptions): void {
  if (isRead(rpc) && step.compensation !== "") {
    const why = step.noEffect ? "no_effect" : "idempotency_level = NO_SIDE_EFFECTS";
    const wrong = `${rpc.fullName} has ${why} but names a compensation`;
    report("SAGA_COMPENSATION_CONTRADICTED", step.compensationPlace, `${wrong}; remove one of them`);
  }
  if (step.compensateOnFailure && step.compensation === "") {
    const wrong = `${rpc.fullName} has compensate_on_failure but names no compensation`;
    report("SAGA_COMPENSATE_ON_FAILURE_VAIN", step.place, `${wrong}; name one or remove compensate_on_failure`);
  }
  if (step.retry && step.retry.maxAttempts > 1 && !isIdempotent(rpc)) {
    const wrong = `${rpc.fullName} is retried but is not known to be idempotent`;
    report("SAGA_RETRY_NOT_IDEMPOTENT", step.retry.place, `${wrong}; ${fixIdempotency}, or remove max_attempts`);
  }
  const kindPlace = step.kindPlace ?? step.place;
  if (step.kind === "pivot" && !isIdempotent(rpc)) {
    const wrong = `pivot ${rpc.fullName} is not known to be idempotent, but must be called again if its outcome is unknown`;
    report("SAGA_PIVOT_NOT_IDEMPOTENT", kindPlace, `${wrong}; ${fixIdempotency}`);
  }
  if (step.kind === "pivot" && step.compensation !== "" && !step.compensateOnFailure) {
    const wrong = `pivot ${rpc.fullName} is never compensated after it has succeeded`;
    const fix = "remove the compensation, or set compensate_on_failure to compensate it if it fails";
    report("SAGA_COMPENSATION_UNREACHABLE", step.compensationPlace, `${wrong}; ${fix}`);
  }
}
