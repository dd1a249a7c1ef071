import type { EmitOptions, Plan } from "../model.js";
import { type EmittedFile, facadeName } from "./context.js";
import { header } from "./header.js";
import { createImports } from "./imports.js";
import { braces, hardLine, type Layout } from "./layout.js";
import type { Paths } from "./paths.js";
import { createScope } from "./scope.js";

/** The file that lists the topics of all facades of a run. None if there are no facades. */
export function topicRegistryFile(plan: Plan, paths: Paths, options: EmitOptions): EmittedFile[] {
  const path = `topic/${paths.registry}`;
  const scope = createScope(["registry"]);
  const imports = createImports(path, scope, options);
  const entries = plan.services
    .flatMap(({ facades }) => facades)
    .map((facade): Layout => {
      const local = scope.declare(facade.identifier);
      imports.namespace(`topic/${paths.facade(facade)}`, local);
      const topics = braces([`rollback: ${local}.topics.rollback`, `steps: ${local}.stepTopics`]);
      return [`${JSON.stringify(facadeName(facade))}: `, topics];
    });
  if (entries.length === 0) {
    return [];
  }
  return [
    {
      path: `${path}.ts`,
      layout: [
        header(undefined, options),
        [imports.layout(), hardLine, hardLine],
        ["/**", hardLine],
        [
          " * The topics of all facades by purpose, without the configured prefix, to create topics and grant access to them.",
          hardLine,
        ],
        [" * Each topic has a dead-letter topic: its name with the suffix `.dead-letter`.", hardLine, " */", hardLine],
        ["export const registry = ", braces(entries, { broken: true }), " as const;", hardLine],
      ],
    },
  ];
}
