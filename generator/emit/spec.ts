import { type EmittedFile, type FacadeContext, facadeName } from "./context.js";
import { header } from "./header.js";
import { createImports } from "./imports.js";
import { braces, hardLine, type Layout, property } from "./layout.js";
import { propertyKey } from "./names.js";
import { createSamples } from "./sample.js";
import { createScope } from "./scope.js";

/** The spec that runs the fault matrix on a facade's nodes. None if `spec` is "none". */
export function specFile({ facade, paths, options }: FacadeContext): EmittedFile[] {
  if (options.spec === "none") {
    return [];
  }
  const place = paths.facade(facade);
  const path = `spec/${place}.test`;
  const scope = createScope(["madeUp", "describe", "test", "describeFaultMatrix", "sample"]);
  const local = scope.declare(facade.identifier);
  const imports = createImports(path, createScope(), options);
  imports.package("protosaga/testing", "describeFaultMatrix");
  for (const name of ["describe", "test"]) {
    imports.package(options.spec === "vitest" ? "vitest" : "node:test", name);
  }
  imports.generated(`facade/${place}`, facade.identifier, "value", local);
  imports.generated(`node/${place}.sample`, "sample");
  const make = createSamples();
  const request = make(facade.rpc.input);
  const responses = facade.steps.map((step): Layout => [`${propertyKey(step.name)}: `, make(step.rpc.output)]);
  const parts: Layout[] = [
    ["request: ", request],
    ["responses: ", braces(responses, { broken: true })],
  ];
  const madeUp = braces(parts, { broken: true });
  const given = braces(["describe", "test", property("facade", local), "madeUp", "sample"]);
  return [
    {
      path: `${path}.ts`,
      layout: [
        header(facade.rpc.file, options),
        [imports.layout(), hardLine, hardLine],
        [`// The messages for the fault matrix of ${facadeName(facade)}, in proto3 JSON.`, hardLine],
        [
          "// If your nodes need other messages, add them to the sample file next to the nodes. You own that file.",
          hardLine,
        ],
        ["const madeUp = ", madeUp, ";", hardLine, hardLine],
        ["describeFaultMatrix(", given, ");", hardLine],
      ],
    },
  ];
}
