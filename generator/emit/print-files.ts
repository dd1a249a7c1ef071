import type { OutputFile } from "../model.js";
import { loadTsMorph } from "../ts-morph.js";
import type { EmittedFile } from "./context.js";
import { print } from "./layout.js";

/**
 * Prints files as ts-morph source files: one writer callback and one createSourceFile each, since every later
 * manipulation would parse the file again.
 */
export function printFiles(files: readonly EmittedFile[]): OutputFile[] {
  const { Project } = loadTsMorph();
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    skipFileDependencyResolution: true,
  });
  return files.map(({ path, layout }) => {
    const source = project.createSourceFile(path, (writer) => writer.write(print(layout)));
    return { path, content: source.getFullText() };
  });
}
