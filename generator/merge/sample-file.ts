import { facadeName } from "../emit/context.js";
import { dtoName } from "../emit/dto.js";
import { propertyKey, upperFirst } from "../emit/names.js";
import { specifier } from "../emit/paths.js";
import type { Diagnostic, EmitOptions, PlannedFacade } from "../model.js";
import { lineAndColumn } from "./parse.js";

/** How the path of a sample file, which stands beside a node file, ends. */
export const sampleSuffix = ".sample.ts";

/** The text of a sample file that isn't there yet: what to run the fault matrix with, for the user to say. */
export function newSample(facade: PlannedFacade, place: string, options: EmitOptions): string {
  const dto = upperFirst(dtoName(facade));
  const from = specifier(`node/${place}.sample`, `dto/${place}`, options);
  const step = propertyKey(facade.steps[0]?.name ?? "step");
  return [
    'import type { Sample } from "protosaga/testing";',
    `import type { ${dto} } from ${JSON.stringify(from)};`,
    "",
    "/**",
    ` * What the fault matrix runs ${facadeName(facade)} with. The messages that you leave out are made up.`,
    ` * @example { request: { … }, responses: { ${step}: { … } } }`,
    " */",
    `export const sample: Sample<${dto}> = {};`,
    "",
  ].join("\n");
}

/** Warns about a sample file whose facade is gone. */
export function goneSample(path: string, shownPath: string, text: string): Diagnostic[] {
  const place = path.slice(0, -sampleSuffix.length);
  const module = /\bfrom\s*["']([^"']*\bdto\/[^"']+)["']/.exec(text);
  if (!module?.[1]?.replace(/\.[jt]s$/, "").endsWith(`dto/${place}`)) {
    return [];
  }
  const message = "The facade of this sample file is gone; delete the file when it is no longer needed";
  const at = lineAndColumn(text, module.index);
  return [{ severity: "warning", code: "SAGA_STUB_FACADE_GONE", place: { path: shownPath, ...at }, message }];
}
