import { SagaError } from "../core/errors.js";
import type { FacadeDefinition } from "../facade/definition.js";
import type { Dto } from "../facade/dto.js";
import type { Message } from "../journal/journal.js";
import type { Drive } from "./driver.js";
import { type Run, requestOf, resultsBefore } from "./run.js";

/** The message that starts a saga's rollback. */
export function rollbackMessage(drive: Drive, run: Run): Message {
  const { dto, topics, name } = run.facade;
  const head = {
    requestId: run.id,
    facade: name,
    currentIndex: run.state.failure?.step ?? -1,
    topics: topics.steps,
    rollbackTopic: topics.rollback,
  };
  return { topic: topics.rollback, key: run.id, body: body() };

  function body(): string {
    try {
      const results = resultsBefore(run, Number.POSITIVE_INFINITY);
      return dto.encode({ ...head, request: requestOf(run), results });
    } catch (error) {
      // The payload is for people to read; the journal has it. A rollback does not fail for it.
      drive.log.warn({ saga: run.id, err: error }, "a rollback message goes without its payload");
      return dto.encode({ ...head, request: run.facade.request.decode(new Uint8Array()), results: {} });
    }
  }
}

/** Reads a message from a rollback topic. @throws SagaError SAGA_MESSAGE_POISON */
export function readRollbackMessage(facade: FacadeDefinition, body: string): Dto<unknown, object> {
  try {
    return facade.dto.decode(body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_MESSAGE_POISON", `on ${facade.topics.rollback}: ${why}`, { cause: error });
  }
}
