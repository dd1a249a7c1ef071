import { planPaths } from "../emit/paths.js";
import type { Diagnostic, EmitOptions, OutputFile, Plan } from "../model.js";
import { decodeStubs } from "./decode-stubs.js";
import { goneFacade } from "./gone-facade.js";
import { mergeStub, newStub, type StubFile } from "./merge-stub.js";
import { lineAndColumn, loadCompiler, type ParsedStub, parseStubs } from "./parse.js";
import { goneSample, newSample, sampleSuffix } from "./sample-file.js";
import { applySplices } from "./splice.js";

/** The options of the stubs. */
export interface MergeOptions extends EmitOptions {
  /** `stubs_dir` as given, for messages. */
  readonly stubsDir: string;
}

/** The node files of the response. */
export interface Merged {
  /** Every stub and every other file found, as "node/…"; empty if there are errors. */
  readonly files: readonly OutputFile[];
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Adds missing nodes to the node files in `stubs_dir`. Existing code is never changed. The response contains every file
 * found, because buf's `clean` deletes all others.
 * @param stubs all files in `stubs_dir` by relative path, see readStubs
 */
export function merge(plan: Plan, options: MergeOptions, stubs: ReadonlyMap<string, Uint8Array>): Merged {
  const shown = (path: string): string => (options.stubsDir === "" ? path : `${options.stubsDir}/${path}`);
  const files = stubFiles(plan, options, shown);
  const own = new Set(files.map(({ path }) => path));
  const { texts, diagnostics } = decodeStubs(stubs, own, shown);
  const parsed = parseStubs(new Map([...texts].filter(([path]) => own.has(path))));
  diagnostics.push(...syntaxErrors(files, parsed));
  if (diagnostics.some(({ severity }) => severity === "error")) {
    return { files: [], diagnostics };
  }
  const compiler = loadCompiler();
  const output: OutputFile[] = [];
  for (const file of files) {
    const stub = parsed.get(file.path);
    if (stub) {
      const found = mergeStub(file, stub, texts, compiler);
      diagnostics.push(...found.diagnostics);
      output.push({ path: `node/${file.path}`, content: applySplices(stub.text, found.splices) });
    } else {
      output.push({ path: `node/${file.path}`, content: newStub(file, compiler) });
    }
  }
  const samples = new Set(files.map(({ path }) => sampleOf(path)));
  if (options.spec !== "none") {
    for (const { facade, path } of files.filter(({ path }) => !stubs.has(sampleOf(path)))) {
      const content = newSample(facade, path.replace(/\.ts$/, ""), options);
      output.push({ path: `node/${sampleOf(path)}`, content });
    }
  }
  const unstarted = files.map(({ path }) => path).filter((path) => !texts.has(path));
  for (const [path, content] of texts) {
    if (!own.has(path)) {
      const gone = path.endsWith(sampleSuffix) ? goneSample(path, shown(path), content) : [];
      diagnostics.push(...(samples.has(path) ? [] : gone), ...goneFacade(path, shown(path), content, unstarted));
      output.push({ path: `node/${path}`, content });
    }
  }
  return { files: output, diagnostics };
}

/** "…/book.ts" → "…/book.sample.ts" */
function sampleOf(path: string): string {
  return path.replace(/\.ts$/, sampleSuffix);
}

function stubFiles(plan: Plan, options: MergeOptions, shown: (path: string) => string): StubFile[] {
  const paths = planPaths(plan);
  const facades = plan.services.flatMap((service) => service.facades);
  return facades.map((facade) => {
    const path = `${paths.facade(facade)}.ts`;
    return { facade, path, shownPath: shown(path), options };
  });
}

/** A file with a syntax error is rejected: its nodes would not be found and would be added again. */
function syntaxErrors(files: readonly StubFile[], parsed: ReadonlyMap<string, ParsedStub>): Diagnostic[] {
  return files.flatMap(({ path, shownPath }): Diagnostic[] => {
    const stub = parsed.get(path);
    if (!stub?.error) {
      return [];
    }
    const place = { path: shownPath, ...lineAndColumn(stub.text, stub.error.at) };
    const message = `${stub.error.message} Fix the file first; nothing was written.`;
    return [{ severity: "error", code: "SAGA_STUB_SYNTAX", place, message }];
  });
}
