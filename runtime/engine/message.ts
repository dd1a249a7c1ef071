import type { Broker } from "../broker/broker.js";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { DtoWire } from "../facade/dto.js";
import type { Message } from "../journal/journal.js";
import type { Drive } from "./driver.js";
import { type Run, requestOf, resultsBefore } from "./run.js";
import { rollback } from "./ticket.js";

/** The topic of a step, or of a facade's rollback. */
export function topicOf({ topics }: FacadeDefinition, at: number): string {
  return at === rollback ? topics.rollback : (topics.steps[at] ?? "");
}

/** The message that asks for a step, or for a saga's rollback. */
export function messageOf(drive: Drive, run: Run, at: number): Message {
  const { dto, topics, name } = run.facade;
  const head = {
    requestId: run.id,
    facade: name,
    currentIndex: at === rollback ? (run.state.failure?.step ?? -1) : at,
    topics: topics.steps,
    rollbackTopic: topics.rollback,
  };
  return { topic: topicOf(run.facade, at), key: run.id, body: body() };

  function body(): string {
    try {
      const results = resultsBefore(run, Number.POSITIVE_INFINITY);
      return carried(drive.broker, dto.encode({ ...head, request: requestOf(run), results, wire: wireOf(run) }));
    } catch (error) {
      // The payload is for people to read; the journal has it. A saga does not fail for it.
      drive.log.warn({ saga: run.id, err: error }, "a message goes without its payload");
      return dto.encode({ ...head, request: run.facade.request.decode(new Uint8Array()), results: {} });
    }
  }
}

/** A body that the broker carries. @throws RangeError where it is too long */
export function carried({ maxBodyBytes = Number.POSITIVE_INFINITY }: Broker, body: string): string {
  const bytes = Buffer.byteLength(body);
  if (bytes > maxBodyBytes) {
    throw new RangeError(`it would be ${bytes} bytes, and the broker carries ${maxBodyBytes}`);
  }
  return body;
}

/** The payloads as they came over the wire: JSON can't say all that stands in them. */
function wireOf({ facade, state, requestBytes }: Run): DtoWire {
  const received = facade.steps.flatMap(({ name }, at) => {
    const bytes = state.steps[at]?.received;
    return bytes === undefined ? [] : [[name, bytes] as const];
  });
  return { request: requestBytes, results: Object.fromEntries(received) };
}

/** The saga that a message of whatever structure says that it is of; undefined where it is no message of a saga. */
export function sagaIdIn({ key, body }: Message): string | undefined {
  try {
    const json: unknown = JSON.parse(body);
    const named = typeof json === "object" && json !== null && "request_id" in json && json.request_id === key;
    return named ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The saga that a message asks for. @throws SagaError SAGA_MESSAGE_POISON */
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
