/** ` (did you mean "…"?)`, or nothing if no candidate is close. */
export function didYouMean(wanted: string, candidates: readonly string[]): string {
  const best = closest(wanted, candidates);
  return best === undefined ? "" : ` (did you mean "${best}"?)`;
}

/** The candidate that the user probably meant. Undefined if none is close. */
export function closest(wanted: string, candidates: readonly string[]): string | undefined {
  const plain = wanted.replace(/^\./, "").toLowerCase();
  const tail = candidates.find((candidate) => plain !== "" && `.${candidate.toLowerCase()}`.endsWith(`.${plain}`));
  if (tail !== undefined) {
    return tail;
  }
  // At most a third of the letters may differ.
  let nearest = Math.max(2, Math.floor(plain.length / 3));
  let best: string | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(plain, candidate.toLowerCase());
    if (distance < nearest || (distance === nearest && best === undefined)) {
      nearest = distance;
      best = candidate;
    }
  }
  return best;
}

/** Levenshtein's distance: how many letters to add, drop or change. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...a].entries()) {
    const next = [line + 1];
    for (const [column, other] of [...b].entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
