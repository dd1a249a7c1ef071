import type { DescMethod, FileRegistry } from "@bufbuild/protobuf";
import type { CompensationOptions, DurationOption, RetryOptions, StepKindOption, StepOptions } from "../model.js";
import { bigint, child, flag, methodOption, number, type OptionMessage, pathOf, text } from "./option-message.js";
import type { FindPlace, SourcePath } from "./places.js";

/** By the numbers of saga.v1.StepKind. */
const stepKinds: readonly StepKindOption[] = ["unspecified", "compensatable", "pivot", "retriable"];

/** `(saga.v1.step)` of an RPC; undefined if the RPC doesn't have it. */
export function readStepOptions(
  registry: FileRegistry,
  method: DescMethod,
  methodPath: SourcePath,
  find: FindPlace,
): StepOptions | undefined {
  const option = methodOption(registry, method, methodPath, "saga.v1.step");
  if (!option) {
    return undefined;
  }
  return {
    compensation: text(option, "compensation"),
    compensationPlace: find(pathOf(option, "compensation")),
    ...readPolicy(option, find),
    kind: stepKinds[number(option, "kind")] ?? "unspecified",
    kindPlace: find(pathOf(option, "kind")),
    noEffect: flag(option, "no_effect"),
    compensateOnFailure: flag(option, "compensate_on_failure"),
    place: find(option.path),
  };
}

/** `(saga.v1.compensation)` of an RPC; undefined if the RPC doesn't have it. */
export function readCompensationOptions(
  registry: FileRegistry,
  method: DescMethod,
  methodPath: SourcePath,
  find: FindPlace,
): CompensationOptions | undefined {
  const option = methodOption(registry, method, methodPath, "saga.v1.compensation");
  return option && { ...readPolicy(option, find), place: find(option.path) };
}

/** A google.protobuf.Duration field; undefined if it is not set. */
export function readDuration(option: OptionMessage, name: string, find: FindPlace): DurationOption | undefined {
  const duration = child(option, name);
  return (
    duration && {
      seconds: bigint(duration, "seconds"),
      nanos: number(duration, "nanos"),
      place: find(duration.path),
    }
  );
}

function readPolicy(option: OptionMessage, find: FindPlace): { timeout?: DurationOption; retry?: RetryOptions } {
  const timeout = readDuration(option, "timeout", find);
  const retry = readRetry(option, find);
  return { ...(timeout && { timeout }), ...(retry && { retry }) };
}

function readRetry(option: OptionMessage, find: FindPlace): RetryOptions | undefined {
  const retry = child(option, "retry");
  if (!retry) {
    return undefined;
  }
  const initialBackoff = readDuration(retry, "initial_backoff", find);
  const maxBackoff = readDuration(retry, "max_backoff", find);
  return {
    maxAttempts: number(retry, "max_attempts"),
    ...(initialBackoff && { initialBackoff }),
    ...(maxBackoff && { maxBackoff }),
    multiplier: number(retry, "multiplier"),
    place: find(retry.path),
  };
}
