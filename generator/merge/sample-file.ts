import { facadeName } from "../emit/context.js";
import { dtoName } from "../emit/dto.js";
import { propertyKey, upperFirst } from "../emit/names.js";
import { specifier } from "../emit/paths.js";
import type { Diagnostic, EmitOptions, PlannedFacade } from "../model.js";
import { lineAndColumn } from "./parse.js";

/** The suffix of a sample file, which is next to a node file. */
export const sampleSuffix = ".sample.ts";

/** The text of a new sample file, in which the user sets the messages of the fault matrix. */
export function newSample(facade: PlannedFacade, place: string, options: EmitOptions): string {
  const dto = upperFirst(dtoName(facade));
  const from = specifier(`node/${place}.sample`, `dto/${place}`, options);
  const step = propertyKey(facade.steps[0]?.name ?? "step");
  return [
    'import type { Sample } from "protosaga/testing";',
    `import type { ${dto} } from ${JSON.stringify(from)};`,
    "",
    "/**",
    ` * The messages for the fault matrix of ${facadeName(facade)}. Messages that you omit are generated.`,
    ` * @example { request: { … }, responses: { ${step}: { … } } }`,
    " */",
    `export const sample: Sample<${dto}> = {};`,
    "",
  ].join("\n");
}

/** Warns about a sample file whose facade no longer exists. */
export function goneSample(path: string, shownPath: string, text: string): Diagnostic[] {
  const place = path.slice(0, -sampleSuffix.length);
  const module = /\bfrom\s*["']([^"']*\bdto\/[^"']+)["']/.exec(text);
  if (!module?.[1]?.replace(/\.[jt]s$/, "").endsWith(`dto/${place}`)) {
    return [];
  }
  const message = "The facade of this sample file no longer exists; delete the file if it is not needed";
  const at = lineAndColumn(text, module.index);
  return [{ severity: "warning", code: "SAGA_STUB_FACADE_GONE", place: { path: shownPath, ...at }, message }];
}
