import { isRollback, isSagaError } from "../core/errors.js";
import type { Failure } from "../core/event.js";
import { type SagaState, stepOf } from "../core/state.js";
import { Status, statusText } from "../core/status.js";
import type { Codec } from "../facade/codec.js";
import type { FacadeDefinition, StepDefinition } from "../facade/definition.js";
import type { CompensateContext, StepContext } from "../facade/node.js";
import type { UpstreamOutcome } from "./ports.js";
import type { Built, NodeCommand } from "./turn.js";

/** How long `respond` may take, ms. */
const respondTimeoutMs = 10_000;

/** The decoded messages of one saga: what its nodes see. Each is decoded once. */
export class SagaValues {
  readonly sagaId: string;
  readonly facade: FacadeDefinition;
  /** The facade's request as the client sent it. */
  readonly requestBytes: Uint8Array;
  #request: { readonly message: unknown } | undefined;
  readonly #results = new Map<string, { readonly bytes: Uint8Array; readonly message: unknown }>();

  /** @param request the decoded request, if the caller has it */
  constructor(
    facade: FacadeDefinition,
    sagaId: string,
    requestBytes: Uint8Array,
    request?: { readonly message: unknown },
  ) {
    this.facade = facade;
    this.sagaId = sagaId;
    this.requestBytes = requestBytes;
    this.#request = request;
  }

  get request(): unknown {
    this.#request ??= { message: this.facade.request.decode(this.requestBytes) };
    return this.#request.message;
  }

  /** A step's decoded response. @throws what the codec throws if the bytes are not a message of its type */
  result(step: StepDefinition, bytes: Uint8Array): unknown {
    const known = this.#results.get(step.name);
    if (known?.bytes === bytes) {
      return known.message;
    }
    const message = step.response.decode(bytes);
    this.#results.set(step.name, { bytes, message });
    return message;
  }

  /** The responses of the steps in groups before this one, by step name. */
  resultsBefore(state: SagaState, group: number): Record<string, unknown> {
    const results: Record<string, unknown> = {};
    this.facade.steps.forEach((step, at) => {
      const { received } = stepOf(state, at);
      if (step.group < group && received !== undefined) {
        results[step.name] = this.result(step, received);
      }
    });
    return results;
  }

  /** What the node of a step in this group sees; past the last group, what `respond` sees. */
  stepContext(state: SagaState, group: number): StepContext<unknown, unknown> {
    return { sagaId: this.sagaId, request: this.request, results: this.resultsBefore(state, group) };
  }

  /** What the node sees when it builds the compensation's request. */
  compensateContext(state: SagaState, at: number): CompensateContext<unknown, unknown, unknown, unknown> {
    const step = stepDefinition(this.facade, at);
    const { sent, received } = stepOf(state, at);
    return {
      ...this.stepContext(state, step.group),
      sent: step.request.decode(sent ?? new Uint8Array()),
      received: received === undefined ? undefined : this.result(step, received),
    };
  }

  /** Has the node build what a command sends: the encoded message, at once if its code returns at once. */
  build(
    state: SagaState,
    command: NodeCommand,
  ): { readonly built: Built | Promise<Built>; readonly timeoutMs: number } {
    const { facade } = this;
    if (command.kind === "respond") {
      const built = build(() => facade.respond(this.stepContext(state, Number.POSITIVE_INFINITY)), facade.response);
      return { built, timeoutMs: respondTimeoutMs };
    }
    const { node, group, request, timeoutMs, compensation } = stepDefinition(facade, command.step);
    if (command.kind === "call") {
      return { built: build(() => node.request(this.stepContext(state, group)), request), timeoutMs };
    }
    const code = () => node.compensate?.(this.compensateContext(state, command.step));
    return { built: build(code, compensation?.request), timeoutMs: compensation?.timeoutMs ?? timeoutMs };
  }

  /** A response that can't be decoded is as unknown as one that was lost: the call may have taken effect. */
  readable(at: number, outcome: UpstreamOutcome): UpstreamOutcome {
    const step = stepDefinition(this.facade, at);
    if (outcome.ok) {
      try {
        this.result(step, outcome.body);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return { ok: false, code: Status.INTERNAL, message: `the response of ${step.path} can't be decoded: ${why}` };
      }
    }
    return outcome;
  }
}

/** A step's definition. @throws RangeError if the facade has no such step */
export function stepDefinition(facade: FacadeDefinition, at: number): StepDefinition {
  const step = facade.steps[at];
  if (step === undefined) {
    throw new RangeError(`${facade.name} has no step at position ${at}`);
  }
  return step;
}

/**
 * Runs a node's code and encodes its result. Code that returns at once gives a result at once, so that what follows
 * shares an entry with what led here.
 */
function build(code: () => unknown, codec: Codec<unknown> | undefined): Built | Promise<Built> {
  const encode = (message: unknown): Built => {
    if (isRollback(message)) {
      return { error: message }; // Returned instead of thrown: the codec could make an empty message of it.
    }
    return { bytes: codec?.encode(message).finish() ?? new Uint8Array() };
  };
  try {
    const message = code();
    return message instanceof Promise ? message.then(encode).catch((error: unknown) => ({ error })) : encode(message);
  } catch (error) {
    return { error };
  }
}

/** What an error that a node threw means for the saga. @param where "node createOrder" */
export function nodeFailure(error: unknown, where: string): Failure {
  if (isRollback(error)) {
    const message = statusText(error.message);
    return { code: error.status, message, reason: "SAGA_NODE_ROLLBACK", beforeCall: true };
  }
  if (isSagaError(error)) {
    const message = statusText(`${where}: ${error.message}`);
    return { code: error.status, message, reason: error.code, beforeCall: true };
  }
  return {
    code: Status.INTERNAL,
    message: statusText(`${where} failed: ${textOf(error)}`),
    reason: "SAGA_NODE_FAILED",
    beforeCall: true,
  };
}

/** Code may throw anything, even what can't be made a string. */
function textOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error);
  } catch {
    return "it threw a value that has no text";
  }
}
