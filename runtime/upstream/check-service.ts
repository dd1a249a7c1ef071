import { SagaError } from "../core/errors.js";
import type { Annotations } from "./annotations.js";
import type { AnyService } from "./service-types.js";

interface Checked {
  readonly definition: AnyService;
  readonly annotations: Annotations;
  readonly effects: Readonly<Record<string, unknown>>;
  readonly others: Readonly<Record<string, unknown>>;
}

/**
 * Looks whether each RPC has the handler that its annotations ask for.
 * @returns the paths of the compensations that are also to run where their action was refused
 * @throws SagaError SAGA_DEFINITION_INVALID that lists everything amiss
 */
export function checkService({ definition, annotations, effects, others }: Checked): ReadonlySet<string> {
  const compensateOnFailure = new Set<string>();
  const amiss: string[] = [];
  for (const [name, { path, requestStream, responseStream }] of Object.entries(definition)) {
    const annotation = annotations.get(path);
    if (annotation === undefined) {
      amiss.push(`${path} is not among the annotations; give those of the proto file that has it`);
      continue;
    }
    const { kind, compensation } = annotation;
    const guarded = effects[name] !== undefined;
    if (guarded === (others[name] !== undefined)) {
      amiss.push(`${path} has ${guarded ? "two handlers; keep one" : "no handler; give one"} in effects or in others`);
    } else if (guarded && (requestStream || responseStream)) {
      amiss.push(`${path} is a stream, which can't be stored and repeated; its handler belongs in others`);
    } else if (guarded && kind === "read") {
      amiss.push(`${path} has no side effects by its idempotency_level; its handler belongs in others`);
    } else if (!guarded && (kind === "step" || kind === "compensation")) {
      amiss.push(`${path} is a ${kind}; its handler belongs in effects`);
    }
    if (annotation.compensateOnFailure) {
      compensateOnFailure.add(`${path.slice(0, path.lastIndexOf("/"))}/${compensation}`);
    }
  }
  if (amiss.length > 0) {
    throw new SagaError("SAGA_DEFINITION_INVALID", `the service can't be guarded: ${amiss.join("; ")}`);
  }
  return compensateOnFailure;
}
