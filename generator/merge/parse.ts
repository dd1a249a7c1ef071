import type { ts } from "ts-morph";
import { loadTsMorph } from "../ts-morph.js";

/** A parsed node file. Positions include a byte order mark. */
export interface ParsedStub {
  readonly text: string;
  readonly statements: readonly ts.Statement[];
  /** The first syntax error. */
  readonly error?: { readonly at: number; readonly message: string };
}

/** The compiler in ts-morph. Splices use positions in its trees. */
export type Compiler = typeof ts;

/** Loads the compiler. */
export function loadCompiler(): Compiler {
  return loadTsMorph().ts;
}

/** Parses node files by path in one program, without resolving imports or types. */
export function parseStubs(texts: ReadonlyMap<string, string>): ReadonlyMap<string, ParsedStub> {
  const { Project } = loadTsMorph();
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    skipFileDependencyResolution: true,
    compilerOptions: { noLib: true, noResolve: true, types: [] },
  });
  const sources = [...texts].map(([path, text]) => {
    // ts-morph drops a byte order mark. A space in its place keeps all positions.
    const source = project.createSourceFile(path, text.replace(/^\uFEFF/, " "));
    return { path, text, source };
  });
  const program = project.getProgram();
  return new Map(
    sources.map(({ path, text, source }): [string, ParsedStub] => {
      const [first] = program.getSyntacticDiagnostics(source);
      const statements = source.compilerNode.statements;
      if (!first) {
        return [path, { text, statements }];
      }
      const message = first.getMessageText();
      const said = typeof message === "string" ? message : message.getMessageText();
      return [path, { text, statements, error: { at: first.getStart(), message: said } }];
    }),
  );
}

/** Line and column, from 1, of a position in a text. */
export function lineAndColumn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: at - lineStart + 1 };
}
