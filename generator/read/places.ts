import type { DescFile } from "@bufbuild/protobuf";
import type { Place } from "../model.js";

/** A field by its number, or an entry of a repeated field by its number and position. */
export type PathPart = number | readonly [field: number, position: number];

/**
 * A path in a file's descriptor, as in `SourceCodeInfo.Location.path`:
 * `[[6, 0], [2, 1], 4, 50711, 1]` is the first service's second method's option 50711's field 1.
 */
export type SourcePath = readonly PathPart[];

/** Finds the location of a path. If the compiler gave none, returns the location of the closest parent. */
export type FindPlace = (path: SourcePath) => Place;

type Span = readonly number[];

/** Creates the finder of locations in one file. */
export function placeFinder(file: DescFile): FindPlace {
  const path = `${file.name}.proto`;
  const spans = new Map<string, Span>();
  // The first span below each path: `timeout: {seconds: 2}` has a span for `seconds` but none for `timeout`.
  const beneath = new Map<string, Span>();
  for (const location of file.proto.sourceCodeInfo?.location ?? []) {
    keepFirst(spans, location.path, location.span);
    for (let length = 1; length < location.path.length; length++) {
      keepFirst(beneath, location.path.slice(0, length), location.span);
    }
  }

  const spanOf = (at: SourcePath): Span | undefined => {
    const key = at.flat().join(".");
    return spans.get(key) ?? (isInsideOptions(at) ? (beneath.get(key) ?? spanOfEntryBefore(at)) : undefined);
  };
  /** `steps: [{…}, {…}]` has one span, at its first entry, which is used for all entries. */
  const spanOfEntryBefore = (at: SourcePath): Span | undefined => {
    const last = at.at(-1);
    return Array.isArray(last) && last[1] > 0 ? spanOf([...at.slice(0, -1), [last[0], last[1] - 1]]) : undefined;
  };

  return (at) => {
    for (let rest = at; rest.length > 0; rest = rest.slice(0, -1)) {
      const span = spanOf(rest);
      if (span) {
        return { path, line: (span[0] ?? 0) + 1, column: (span[1] ?? 0) + 1 };
      }
    }
    return { path, line: 1, column: 1 };
  };
}

function keepFirst(spans: Map<string, Span>, path: readonly number[], span: Span): void {
  const key = path.join(".");
  if (!spans.has(key)) {
    spans.set(key, span);
  }
}

/** Whether a path is below `[[6, …], [2, …], 4]`: only there, the first span below a path may be used for the path. */
function isInsideOptions(path: SourcePath): boolean {
  return path.length > 3;
}
