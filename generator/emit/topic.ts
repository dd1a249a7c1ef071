import { type EmittedFile, type FacadeContext, facadeName } from "./context.js";
import { header } from "./header.js";
import { braces, brackets, hardLine } from "./layout.js";
import { propertyKey } from "./names.js";

/** The file with a facade's topics. */
export function topicFile({ facade, paths, options }: FacadeContext): EmittedFile {
  // The steps of a sync facade have no messages.
  const steps = facade.mode === "sync" ? [] : facade.steps;
  const topics = braces(
    [
      ["rollback: ", JSON.stringify(facade.rollbackTopic)],
      ["steps: ", brackets(steps.map(({ topic }) => JSON.stringify(topic)))],
    ],
    { broken: true },
  );
  const byName = braces(steps.map(({ name, topic }) => `${propertyKey(name)}: ${JSON.stringify(topic)}`));
  return {
    path: `topic/${paths.facade(facade)}.ts`,
    layout: [
      header(facade.rpc.file, options),
      hardLine,
      `/** The topics of ${facadeName(facade)}, without the configured prefix. */`,
      hardLine,
      ["export const topics = ", topics, " as const;", hardLine, hardLine],
      [`/** The same topics of the steps, by step name. */`, hardLine],
      ["export const stepTopics = ", byName, " as const;", hardLine],
    ],
  };
}
