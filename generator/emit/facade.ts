import { type EmittedFile, type FacadeContext, facadeName, nodeName } from "./context.js";
import { dtoName } from "./dto.js";
import { header } from "./header.js";
import { createImports } from "./imports.js";
import { braces, brackets, hardLine, type Layout, parentheses, property } from "./layout.js";
import { nodesInterface } from "./nodes-interface.js";
import { specifier } from "./paths.js";
import { createScope } from "./scope.js";
import { number, stepDefinition } from "./step-definition.js";

/** The file of a facade: the types of its nodes, and its definition for the runtime. */
export function facadeFile(context: FacadeContext): EmittedFile {
  const { facade, paths, options } = context;
  const place = paths.facade(facade);
  const path = `facade/${place}`;
  // Other files use these names, so message types with the same name get an alias.
  const scope = createScope(["Nodes", "nodes", facade.identifier]);
  const imports = createImports(path, scope, options);
  const defineFacade = imports.runtime("defineFacade");
  const topics = imports.generated(`topic/${place}`, "topics");
  const dto = imports.generated(`dto/${place}`, dtoName(facade));
  imports.namespace(`node/${place}`, "nodes");
  const nodeTypes = nodesInterface(context, imports);
  const nodes = [...facade.steps.map(nodeName), "respond"].map((name) => ({ name, local: scope.declare(name) }));
  const respond = nodes.at(-1)?.local ?? "respond";
  const steps = facade.steps.map((step, i) => stepDefinition(step, nodes[i]?.local ?? "", imports));
  const nodeExtension = options.importExtension === "none" ? "js" : options.importExtension;
  const nodeFile = specifier(path, `node/${place}`, { importExtension: nodeExtension });
  const entries: Layout[] = [
    `name: ${JSON.stringify(facadeName(facade))}`,
    `mode: ${JSON.stringify(facade.mode)}`,
    `fingerprint: ${JSON.stringify(facade.fingerprint)}`,
    `recovery: ${JSON.stringify(facade.recovery)}`,
    ...(facade.deadlineMs === undefined ? [] : [`deadlineMs: ${number(facade.deadlineMs)}`]),
    property("topics", topics),
    property("request", imports.message(facade.rpc.input)),
    property("response", imports.message(facade.rpc.output)),
    [
      "types: ",
      braces([
        `request: ${JSON.stringify(facade.rpc.input.fullName)}`,
        `response: ${JSON.stringify(facade.rpc.output.fullName)}`,
      ]),
    ],
    ["steps: ", brackets(steps, { broken: true })],
    property("respond", respond),
    `dto: ${dto}`,
    ["nodeFile: new URL", parentheses([JSON.stringify(nodeFile), "import.meta.url"])],
  ];
  const pattern = braces(nodes.map(({ name, local }) => property(name, local)));
  return {
    path: `${path}.ts`,
    layout: [
      header(facade.rpc.file, options),
      [imports.layout(), hardLine, hardLine],
      [nodeTypes, hardLine, hardLine],
      ["const ", pattern, ": Nodes = nodes;", hardLine, hardLine],
      [`/** ${facadeName(facade)} */`, hardLine],
      [`export const ${facade.identifier} = ${defineFacade}(`, braces(entries, { broken: true }), ");", hardLine],
    ],
  };
}
