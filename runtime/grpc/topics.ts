import { deadLetterTopic } from "../broker/broker.js";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import type { EngineOptions } from "../engine/engine.js";
import type { Completion } from "../engine/messages.js";
import type { FacadeDefinition, SagaService } from "../facade/definition.js";
import type { Message } from "../journal/journal.js";

/** The services with the configured prefix before every topic. */
export function withPrefix(services: readonly SagaService[], prefix: string): readonly SagaService[] {
  if (prefix === "") {
    return services;
  }
  return services.map((service) => ({
    ...service,
    facades: Object.fromEntries(
      Object.entries(service.facades).map(([name, facade]) => [name, prefixed(facade, prefix)]),
    ),
  }));
}

/** The concurrency limit of a topic, named with its prefix. */
export function concurrencyOf({ topics, topic_concurrency, topic_prefix }: Config): (topic: string) => number {
  return (topic) => topics[topic.slice(topic_prefix.length)]?.concurrency ?? topic_concurrency;
}

/**
 * The completion topic with its prefix, and its handler. Undefined if none is configured.
 * @throws SagaError SAGA_CONFIG_INVALID if nothing would read the topic, or a facade has the same topic
 */
export function completionOf(
  { completion_topic, topic_prefix, broker: { kind } }: Config,
  facades: readonly FacadeDefinition[],
  onCompletion: ((completion: Completion) => Promise<void>) | undefined,
): EngineOptions["completion"] {
  if (completion_topic === undefined) {
    if (onCompletion !== undefined) {
      throw new SagaError(
        "SAGA_CONFIG_INVALID",
        "onCompletion is given, but completion_topic is not set; set completion_topic",
      );
    }
    return undefined;
  }
  const topic = topic_prefix + completion_topic;
  // Kafka does not tell "." and "_" apart in the names of its metrics.
  const same = (one: string, other: string) => one.replaceAll(".", "_") === other.replaceAll(".", "_");
  const owner = facades.find(({ topics: { rollback, steps } }) =>
    [rollback, ...steps].some(
      (name) => same(topic, name) || same(topic, deadLetterTopic(name)) || same(deadLetterTopic(topic), name),
    ),
  );
  if (owner !== undefined) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `completion_topic: ${owner.name} has the topic ${topic}, or one that differs only by "." and "_" or by ".dead-letter"; choose another name`,
    );
  }
  if (onCompletion === undefined && kind === "embedded") {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      "completion_topic is set, but nothing reads it on the embedded broker; give startServer or runServer an onCompletion",
    );
  }
  const handler = onCompletion && (async (message: Message) => onCompletion(readCompletion(message)));
  return { topic, handler };
}

/** @throws SagaError SAGA_MESSAGE_POISON */
function readCompletion({ topic, body }: Message): Completion {
  try {
    return JSON.parse(body) as Completion;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_MESSAGE_POISON", `on ${topic}: ${why}`, { cause: error });
  }
}

function prefixed(facade: FacadeDefinition, prefix: string): FacadeDefinition {
  const { rollback, steps } = facade.topics;
  return { ...facade, topics: { rollback: prefix + rollback, steps: steps.map((step) => prefix + step) } };
}
