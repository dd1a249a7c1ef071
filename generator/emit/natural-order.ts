/** Punctuation before digits before letters. Punctuation is in biome's order. */
const marks = "/@. _-,;:!?'\"()[]{}*\\&#%`^+<=>|~$";

/**
 * Compares as biome's organizeImports does: letter by letter, A before a before B, runs of digits by their number.
 */
export function naturalOrder(a: string, b: string): number {
  const left = a.match(/\d+|\D/g) ?? [];
  const right = b.match(/\d+|\D/g) ?? [];
  for (let i = 0; i < left.length && i < right.length; i += 1) {
    const order = compareParts(left[i] ?? "", right[i] ?? "");
    if (order !== 0) {
      return order;
    }
  }
  return left.length - right.length;
}

function compareParts(a: string, b: string): number {
  if (/^\d/.test(a) && /^\d/.test(b)) {
    return compareNumbers(a, b);
  }
  return weight(a) - weight(b);
}

function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, "");
  const right = b.replace(/^0+/, "");
  if (left.length !== right.length) {
    return left.length - right.length;
  }
  return left === right ? a.length - b.length : left < right ? -1 : 1;
}

function weight(part: string): number {
  if (/^\d/.test(part)) {
    return marks.length;
  }
  const mark = marks.indexOf(part);
  const lower = part.toLowerCase();
  return mark >= 0 ? mark : marks.length + 2 * lower.charCodeAt(0) + (part === lower ? 1 : 0);
}
