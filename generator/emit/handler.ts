import type { EmitOptions, PlannedService } from "../model.js";
import type { EmittedFile } from "./context.js";
import { header } from "./header.js";
import { createImports } from "./imports.js";
import { braces, brackets, hardLine, indent, type Layout, parentheses, property } from "./layout.js";
import { handlerName, methodKey, propertyKey, upperFirst } from "./names.js";
import { type Paths, pbPath } from "./paths.js";
import { createScope } from "./scope.js";

/** The file of a service: its facades, and the user's handlers if it has other RPCs. */
export function handlerFile(planned: PlannedService, paths: Paths, options: EmitOptions): EmittedFile {
  const { service } = planned;
  const path = `handler/${paths.service(planned)}`;
  const exported = handlerName(service.name);
  const rpcs = `${upperFirst(exported)}Rpcs`;
  const imports = createImports(path, createScope([exported, rpcs, "rpcs"]), options);
  const defineService = imports.runtime("defineService");
  const pb = pbPath(service.file.path, options);
  const definition = imports.generated(pb, `${service.name}Service`);
  const facades = planned.facades.map((facade) => {
    const local = imports.generated(`facade/${paths.facade(facade)}`, facade.identifier);
    return property(propertyKey(methodKey(facade.rpc.name)), local);
  });
  const others = service.others.length > 0;
  const call: Layout = [
    `${defineService}(`,
    braces(
      [
        `name: ${JSON.stringify(service.fullName)}`,
        `definition: ${definition}`,
        ["facades: ", braces(facades)],
        ...(others ? ["rpcs"] : []),
        ["descriptors: ", base64(service.descriptors)],
      ],
      { broken: true },
    ),
    ");",
  ];
  const sagaService = others ? imports.runtime("SagaService", "type") : "";
  const server = others ? imports.generated(pb, `${service.name}Server`, "type") : "";
  const body = others
    ? [rpcsType(planned, rpcs, server), asFunction(planned, exported, rpcs, sagaService, call)]
    : [`/** ${service.fullName} */`, hardLine, `export const ${exported} = `, call];
  return {
    path: `${path}.ts`,
    layout: [header(service.file, options), [imports.layout(), hardLine, hardLine], body, hardLine],
  };
}

/** A type alias: an interface is not assignable to grpc-js's index signature. */
function rpcsType({ service }: PlannedService, rpcs: string, server: string): Layout {
  const members = service.others.map(({ name }) => {
    const key = methodKey(name);
    return [hardLine, `readonly ${propertyKey(key)}: ${server}[${JSON.stringify(key)}];`];
  });
  return [
    [`/** The RPCs of ${service.fullName} that are not facades. */`, hardLine],
    [`export type ${rpcs} = {`, indent(members), hardLine, "};", hardLine, hardLine],
  ];
}

function asFunction({ service }: PlannedService, name: string, rpcs: string, result: string, call: Layout): Layout {
  return [
    ["/**", hardLine, ` * ${service.fullName}`, hardLine],
    [" * @param rpcs your handlers of the RPCs that are not facades", hardLine, " */", hardLine],
    [`export function ${name}`, parentheses([`rpcs: ${rpcs}`]), `: ${result} {`],
    [indent([hardLine, "return ", call]), hardLine, "}"],
  ];
}

/** Bytes in base64, in lines that formatters don't change. */
function base64(bytes: Uint8Array): Layout {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,96}/g) ?? [];
  return [
    brackets(
      lines.map((part) => JSON.stringify(part)),
      { broken: true },
    ),
    '.join("")',
  ];
}
