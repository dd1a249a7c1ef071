/** Text to put in at a position; nothing is ever taken out. */
export interface Splice {
  readonly at: number;
  readonly text: string;
}

/** The text with all splices put in; those at one position stand in the order given. */
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
