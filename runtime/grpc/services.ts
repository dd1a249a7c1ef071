import { relative } from "node:path";
import type { handleUnaryCall, MethodDefinition, Server, UntypedServiceImplementation } from "@grpc/grpc-js";
import { deadLetterTopic } from "../broker/broker.js";
import type { KeyNames } from "../config/environment.js";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import type { EngineOptions } from "../engine/engine.js";
import type { Completion } from "../engine/messages.js";
import type { Log } from "../engine/ports.js";
import type { FacadeDefinition, SagaService } from "../facade/definition.js";
import { findTodos } from "../facade/todo.js";
import type { Message } from "../journal/journal.js";
import { errorStatus } from "./call.js";
import { bytesMethod, type FacadeHost, facadeHandler } from "./facade-calls.js";

/** A grpc-js server, of any copy of grpc-js. */
export type ServiceRegistry = Pick<Server, "addService">;

/** Registers services. @throws SagaError SAGA_DEFINITION_INVALID where an RPC has no handler */
export function addServices(server: ServiceRegistry, services: readonly SagaService[], host: FacadeHost): void {
  for (const service of services) {
    const definition: Record<string, MethodDefinition<unknown, unknown>> = {};
    const handlers: UntypedServiceImplementation = {};
    for (const [name, method] of Object.entries(service.definition)) {
      const facade = service.facades[name];
      const own = service.rpcs?.[name];
      if (facade !== undefined) {
        definition[name] = bytesMethod(method) as MethodDefinition<unknown, unknown>;
        handlers[name] = facadeHandler(host, facade);
      } else if (own !== undefined) {
        definition[name] = method;
        handlers[name] =
          method.requestStream || method.responseStream ? own : guarded(own as Unary, method.path, host.log);
      } else {
        throw new SagaError(
          "SAGA_DEFINITION_INVALID",
          `${method.path} is no facade and has no handler; give one to the service's function in generated/handler`,
        );
      }
    }
    server.addService(definition, handlers);
  }
}

type Unary = handleUnaryCall<unknown, unknown>;

/** grpc-js leaves a client hanging when an async handler rejects. */
function guarded(handler: Unary, path: string, log: Log): Unary {
  return (call, callback) => {
    const fail = (error: unknown) => {
      log.error({ rpc: path, err: error }, "a handler failed");
      callback(errorStatus(error));
    };
    try {
      const result: unknown = handler(call, callback);
      if (result instanceof Promise) {
        result.catch(fail);
      }
    } catch (error) {
      fail(error);
    }
  };
}

/**
 * The facades of the services, once it is sure that they can run.
 * @throws SagaError SAGA_DEFINITION_INVALID, or SAGA_NODE_TODO naming every todo that is left
 */
export function checkServices(services: readonly SagaService[]): FacadeDefinition[] {
  const facades = facadesOf(services);
  refuseTwins(facades.map(({ name }) => `facade ${name}`));
  const topics = facades.flatMap(({ topics: { rollback, steps } }) => [rollback, ...steps]);
  refuseTwins([...topics, ...topics.map(deadLetterTopic)].map((topic) => `topic ${topic}`));
  const todos = findTodos(facades);
  if (todos.length > 0) {
    const list = todos.map(({ what, file, line }) => `  ${relative(".", file)}:${line}: todo(${JSON.stringify(what)})`);
    const count = todos.length === 1 ? "1 todo is" : `${todos.length} todos are`;
    throw new SagaError("SAGA_NODE_TODO", `${count} left in the node files; fill them in:\n${list.join("\n")}`);
  }
  return facades;
}

/**
 * All facades of the services, unchecked.
 * @throws SagaError SAGA_DEFINITION_INVALID where one is the function that makes it: without types nothing else says so
 */
export function facadesOf(services: readonly SagaService[]): FacadeDefinition[] {
  return services.flatMap((service: SagaService | ((...handlers: never) => unknown)) => {
    if (typeof service === "function") {
      const name = service.name || "the service";
      throw new SagaError(
        "SAGA_DEFINITION_INVALID",
        `${name} in \`services\` is a function: call it with the handlers of its RPCs that are no facades, as in \`services: [${name}({ … })]\``,
      );
    }
    return Object.values(service.facades);
  });
}

/** The names that configuration keys may contain: of the services that the facades call, and of their topics. */
export function keyNames(facades: readonly FacadeDefinition[]): Required<KeyNames> {
  return {
    upstreams: [...new Set(facades.flatMap(({ steps }) => steps.map(({ service }) => service)))],
    topics: facades.flatMap(({ topics }) => topics.steps),
  };
}

function refuseTwins(names: readonly string[]): void {
  const twin = names.find((name, at) => names.indexOf(name) !== at);
  if (twin !== undefined) {
    throw new SagaError("SAGA_DEFINITION_INVALID", `${twin} is registered twice`);
  }
}

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
  { completion_topic, topic_prefix }: Config,
  facades: readonly FacadeDefinition[],
  onCompletion: ((completion: Completion) => Promise<void>) | undefined,
  isEmbedded: boolean,
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
  // Kafka's metrics use the same name for topics that differ only by "." and "_".
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
  if (onCompletion === undefined && isEmbedded) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      "completion_topic is set, but nothing reads it on the embedded broker; pass onCompletion",
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
