import type { Broker } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import type { SagaFailure, SagaState } from "../core/state.js";
import { statusName } from "../core/status.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { DtoWire } from "../facade/dto.js";
import type { Message } from "../journal/journal.js";
import type { Log } from "./ports.js";
import type { SagaValues } from "./saga-values.js";
import { rollback, topicOf } from "./turn.js";

interface Transport {
  readonly broker: Pick<Broker, "maxBodyBytes">;
  readonly log: Log;
}

/** The message that asks for a step, or for a saga's rollback. */
export function messageOf({ broker, log }: Transport, values: SagaValues, state: SagaState, at: number): Message {
  const { facade, sagaId } = values;
  const head = {
    requestId: sagaId,
    facade: facade.name,
    currentIndex: at === rollback ? (state.failure?.step ?? -1) : at,
    topics: facade.topics.steps,
    rollbackTopic: facade.topics.rollback,
  };
  const message = (body: string) => ({ topic: topicOf(facade, at), key: sagaId, body });
  try {
    const results = values.resultsBefore(state, Number.POSITIVE_INFINITY);
    const wire = wireOf(values, state);
    return message(withinLimit(broker, facade.dto.encode({ ...head, request: values.request, results, wire })));
  } catch (err) {
    // The payload is for people to read. The journal has it, so the saga does not fail.
    log.warn({ saga: sagaId, err }, "message is sent without its payload");
    return message(facade.dto.encode({ ...head, request: facade.request.decode(new Uint8Array()), results: {} }));
  }
}

/** The payloads as they came over the wire: JSON can't express everything that they contain. */
function wireOf({ facade, requestBytes }: SagaValues, state: SagaState): DtoWire {
  const received = facade.steps.flatMap(({ name }, at) => {
    const bytes = state.steps[at]?.received;
    return bytes === undefined ? [] : [[name, bytes] as const];
  });
  return { request: requestBytes, results: Object.fromEntries(received) };
}

/** A body that the broker accepts. @throws RangeError if it is too long */
function withinLimit({ maxBodyBytes = Number.POSITIVE_INFINITY }: Pick<Broker, "maxBodyBytes">, body: string): string {
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBodyBytes) {
    throw new RangeError(`the message is ${bytes} bytes long, and the broker accepts ${maxBodyBytes}`);
  }
  return body;
}

/** The saga that a message of any structure belongs to; undefined if it is no message of a saga. */
export function sagaIdIn({ key, body }: Message): string | undefined {
  try {
    const json: unknown = JSON.parse(body);
    const named = typeof json === "object" && json !== null && "request_id" in json && json.request_id === key;
    return named ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The saga that a message of this facade belongs to. @throws SagaError SAGA_MESSAGE_POISON */
export function readMessage(facade: FacadeDefinition, at: number, { topic, body }: Message): string {
  try {
    const { requestId, currentIndex } = facade.dto.decode(body);
    if (at !== rollback && currentIndex !== at) {
      throw new RangeError(`current_index is ${currentIndex}, and this is the topic of step ${at}`);
    }
    return requestId;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_MESSAGE_POISON", `on ${topic}: ${why}`, { cause: error });
  }
}

/** The body of a message on the completion topic, as JSON. */
export interface Completion {
  readonly request_id: string;
  /** "pb.BookingService/HandleAsyncBooking" */
  readonly facade: string;
  readonly state: "COMPLETED" | "COMPENSATED";
  /** The facade's response in proto3 JSON; absent if the saga was compensated. */
  readonly response?: unknown;
  /** Why the saga was compensated, or why it has no response. */
  readonly failure?: {
    readonly status: string;
    readonly message: string;
    readonly reason: string;
    readonly step?: string;
  };
}

/** The message on the completion topic for a saga that has ended. */
export function completionMessage(
  { broker, log }: Transport,
  topic: string,
  { facade, sagaId }: SagaValues,
  { phase, response, failure }: SagaState,
): Message {
  const completed = phase === "completed";
  const completion: Completion = {
    request_id: sagaId,
    facade: facade.name,
    state: completed ? "COMPLETED" : "COMPENSATED",
    ...(failure === undefined ? {} : failureOf(facade, failure)),
  };
  const message = (body: string) => ({ topic, key: sagaId, body });
  if (completed && response !== undefined) {
    try {
      const json = facade.response.toJSON(facade.response.decode(response));
      return message(withinLimit(broker, JSON.stringify({ ...completion, response: json })));
    } catch (err) {
      // JSON can't express it, or the broker does not accept it. The saga has ended all the same.
      log.warn({ saga: sagaId, err }, "completion message is sent without its response");
    }
  }
  return message(JSON.stringify(completion));
}

function failureOf(facade: FacadeDefinition, failure: SagaFailure): Pick<Completion, "failure"> {
  const { code, message, reason, step } = failure;
  const name = step === undefined ? undefined : facade.steps[step]?.name;
  return { failure: { status: statusName(code), message, reason, ...(name === undefined ? {} : { step: name }) } };
}
