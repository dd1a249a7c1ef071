import type { EmitOptions, OutputFile, Plan } from "../model.js";
import type { EmittedFile } from "./context.js";
import { dtoFile } from "./dto.js";
import { facadeFile } from "./facade.js";
import { handlerFile } from "./handler.js";
import { planPaths } from "./paths.js";
import { printFiles } from "./print-files.js";
import { specFile } from "./spec.js";
import { topicFile } from "./topic.js";
import { topicRegistryFile } from "./topic-registry.js";

/** Turns a plan into all files but the node stubs, in descriptor order; the registry of topics comes last. */
export function emit(plan: Plan, options: EmitOptions): OutputFile[] {
  const paths = planPaths(plan);
  const files = plan.services.flatMap((service): EmittedFile[] => [
    ...service.facades.flatMap((facade) => {
      const context = { facade, service, paths, options };
      return [topicFile(context), dtoFile(context), facadeFile(context), ...specFile(context)];
    }),
    handlerFile(service, paths, options),
  ]);
  return printFiles([...files, ...topicRegistryFile(plan, paths, options)]);
}
