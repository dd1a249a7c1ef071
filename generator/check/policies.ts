import type { DurationOption, Retry, RetryOptions } from "../model.js";
import { checkDuration, durationMs, formatMs } from "./durations.js";
import type { Report } from "./report.js";

/** How to call an RPC: the options that steps and compensations share. */
export interface Policy {
  readonly timeoutMs: number;
  readonly retry: Retry;
}

interface PolicyOptions {
  readonly timeout?: DurationOption;
  readonly retry?: RetryOptions;
}

/** The defaults of saga.proto, in ms. */
const defaults = {
  timeoutMs: 10_000,
  initialBackoffMs: 100,
  multiplier: 2,
  step: { maxBackoffMs: 5_000, idempotentAttempts: 3, otherAttempts: 1 },
  compensation: { maxBackoffMs: 60_000, maxAttempts: 20 },
};

const attemptsLimit = 1000;

/** A step's policy with saga.proto's defaults. Invalid values count as not set. */
export function stepPolicy(options: PolicyOptions | undefined, idempotent: boolean): Policy {
  const { maxBackoffMs, idempotentAttempts, otherAttempts } = defaults.step;
  return policyOf(options, idempotent ? idempotentAttempts : otherAttempts, maxBackoffMs);
}

/** A compensation's policy with saga.proto's defaults. Invalid values count as not set. */
export function compensationPolicy(options: PolicyOptions | undefined): Policy {
  return policyOf(options, defaults.compensation.maxAttempts, defaults.compensation.maxBackoffMs);
}

/** Reports invalid timeouts and retry policies. */
export function checkPolicy(report: Report, role: "step" | "compensation", options: PolicyOptions): void {
  const { timeout, retry } = options;
  checkDuration(report, "timeout", timeout);
  if (!retry) {
    return;
  }
  checkDuration(report, "initial_backoff", retry.initialBackoff);
  checkDuration(report, "max_backoff", retry.maxBackoff);
  if (retry.maxAttempts !== 0 && !isAttempts(retry.maxAttempts)) {
    report("SAGA_RETRY_INVALID", retry.place, `max_attempts is ${retry.maxAttempts}; set 1 to ${attemptsLimit}`);
  }
  if (retry.multiplier !== 0 && !isMultiplier(retry.multiplier)) {
    report("SAGA_RETRY_INVALID", retry.place, `multiplier is ${retry.multiplier}; set at least 1`);
  }
  const filled = policyOf(options, 1, defaults[role].maxBackoffMs).retry;
  if (filled.initialBackoffMs > filled.maxBackoffMs) {
    const unset = retry.maxBackoff ? "" : " (the default)";
    report(
      "SAGA_BACKOFF_INVERTED",
      retry.initialBackoff?.place ?? retry.maxBackoff?.place ?? retry.place,
      `initial_backoff ${formatMs(filled.initialBackoffMs)} is longer than max_backoff ` +
        `${formatMs(filled.maxBackoffMs)}${unset}; lower initial_backoff or raise max_backoff`,
    );
  }
}

function policyOf(options: PolicyOptions | undefined, maxAttempts: number, maxBackoffMs: number): Policy {
  const retry = options?.retry;
  return {
    timeoutMs: durationMs(options?.timeout) ?? defaults.timeoutMs,
    retry: {
      maxAttempts: retry && isAttempts(retry.maxAttempts) ? retry.maxAttempts : maxAttempts,
      initialBackoffMs: durationMs(retry?.initialBackoff) ?? defaults.initialBackoffMs,
      maxBackoffMs: durationMs(retry?.maxBackoff) ?? maxBackoffMs,
      multiplier: retry && isMultiplier(retry.multiplier) ? retry.multiplier : defaults.multiplier,
    },
  };
}

/** 0 means that the field is not set. */
function isAttempts(maxAttempts: number): boolean {
  return maxAttempts >= 1 && maxAttempts <= attemptsLimit;
}

/** 0 means that the field is not set. */
function isMultiplier(multiplier: number): boolean {
  return multiplier >= 1 && Number.isFinite(multiplier);
}
