import type { PlannedFacade } from "../model.js";
import { type EmittedFile, type FacadeContext, facadeName } from "./context.js";
import { header } from "./header.js";
import { createImports } from "./imports.js";
import { braces, hardLine, indent, join, type Layout, lineWidth, property, typeArguments } from "./layout.js";
import { propertyKey, upperFirst } from "./names.js";
import { createScope } from "./scope.js";

/** The constant that a DTO file exports: "handleSyncBookingDto". */
export function dtoName(facade: PlannedFacade): string {
  return `${facade.identifier}Dto`;
}

/** The file with the message on a facade's topics. */
export function dtoFile({ facade, paths, options }: FacadeContext): EmittedFile {
  const path = `dto/${paths.facade(facade)}`;
  const name = facadeName(facade);
  const value = dtoName(facade);
  const type = upperFirst(value);
  const results = upperFirst(`${facade.identifier}Results`);
  const scope = createScope([value, type, results]);
  const imports = createImports(path, scope, options);
  const defineDto = imports.runtime("defineDto");
  const dto = imports.runtime("Dto", "type");
  const request = imports.message(facade.rpc.input);
  const codecs = facade.steps.map((step) => ({
    key: propertyKey(step.name),
    codec: imports.message(step.rpc.output),
  }));
  const members = codecs.map(({ key, codec }) => [hardLine, `readonly ${key}: ${codec};`]);
  const codec = braces(
    [property("request", request), ["results: ", braces(codecs.map(({ key, codec }) => property(key, codec)))]],
    { broken: true },
  );
  const call = defineCall(`export const ${value} = ${defineDto}`, [request, results], JSON.stringify(name), codec);
  return {
    path: `${path}.ts`,
    layout: [
      header(facade.rpc.file, options),
      [imports.layout(), hardLine, hardLine],
      [`/** The results that a message on the topics of ${name} may have. */`, hardLine],
      [`export interface ${results} {`, indent(members), hardLine, "}", hardLine, hardLine],
      [`/** The message on the topics of ${name}. */`, hardLine],
      [`export type ${type} = ${dto}`, typeArguments([request, results]), ";", hardLine, hardLine],
      [`/** Encodes and decodes the messages on the topics of ${name}. */`, hardLine],
      [call, hardLine],
    ],
  };
}

/**
 * A call whose last argument is a broken object, which starts on the line of the call if it fits. The type arguments are
 * broken only if they don't fit either.
 */
function defineCall(head: string, types: readonly string[], first: string, last: Layout): Layout {
  const flat = `${head}<${types.join(", ")}>(`;
  const broken = flat.length > lineWidth;
  const open = broken ? ">(" : flat;
  const start = [head, typeArguments(types, { broken }), "("];
  if (`${open}${first}, {`.length <= lineWidth) {
    return [start, first, ", ", last, ");"];
  }
  return [start, indent([hardLine, join([",", hardLine], [first, last]), ","]), hardLine, ");"];
}
