import { type EmittedFile, type FacadeContext, facadeName } from "./context.js";
import { header } from "./header.js";
import { braces, brackets, hardLine } from "./layout.js";

/** The file with a facade's topics. */
export function topicFile({ facade, paths, options }: FacadeContext): EmittedFile {
  const topics = braces(
    [
      ["rollback: ", JSON.stringify(facade.rollbackTopic)],
      ["steps: ", brackets(facade.steps.map(({ topic }) => JSON.stringify(topic)))],
    ],
    { broken: true },
  );
  return {
    path: `topic/${paths.facade(facade)}.ts`,
    layout: [
      header(facade.rpc.file, options),
      hardLine,
      `/** The topics of ${facadeName(facade)}, without the configured prefix. */`,
      hardLine,
      ["export const topics = ", topics, " as const;"],
      hardLine,
    ],
  };
}
