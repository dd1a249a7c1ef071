import { relative } from "node:path";
import { deadLetterTopic } from "../broker/broker.js";
import type { KeyNames } from "../config/environment.js";
import { SagaError } from "../core/errors.js";
import type { FacadeDefinition, SagaService } from "../facade/definition.js";
import { findTodos } from "../facade/todo.js";

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

/** The names that the configuration's keys may bear: of the services that the facades call, and of their topics. */
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
