/** Text to insert at a position. Nothing is ever removed. */
export interface Splice {
  readonly at: number;
  readonly text: string;
}

/** The text with all splices. Splices at the same position keep their order. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = "";
  let from = 0;
  // sort is stable.
  for (const splice of [...splices].sort((a, b) => a.at - b.at)) {
    result += text.slice(from, splice.at) + splice.text;
    from = splice.at;
  }
  return result + text.slice(from);
}
