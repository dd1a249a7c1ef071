/** What a status's message may be long: it travels in a header, and again in the details. */
const longest = 1_000;

/**
 * A text that can stand in a gRPC status: no half of a surrogate pair, which can't be encoded, and not so long that the
 * headers grow past what a client takes.
 */
export function statusText(text: string): string {
  const cut = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return cut.replaceAll(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
}
