/**
 * The codes of visible ASCII (https://www.rfc-editor.org/rfc/rfc7541#appendix-B), by their length in bits. The code is
 * canonical: those of one length follow each other in the order of the characters, so that the lengths say all.
 */
const charactersByLength: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  // A NUL, which no header may hold, has the first code of this length.
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
];

interface Length {
  readonly bits: number;
  readonly characters: string;
  readonly firstCode: number;
}

const shortest = 5;
const longest = 19;
const lengths: readonly Length[] = codesOf(charactersByLength);

function codesOf(table: typeof charactersByLength): readonly Length[] {
  let code = 0;
  let before = shortest;
  return table.map(([bits, characters]) => {
    const firstCode = code << (bits - before);
    code = firstCode + characters.length;
    before = bits;
    return { bits, characters, firstCode };
  });
}

/** Decodes a string of a header. @returns undefined where it is malformed, or is not all visible ASCII */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  let text = "";
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    // Less than `longest` bits are held from before, so that 32 are enough.
    held = ((held & mask(longest)) << 8) | byte;
    heldBits += 8;
    for (;;) {
      const length = startOf(held, heldBits);
      if (length === undefined) {
        break;
      }
      heldBits -= length.bits;
      text += length.characters[((held >>> heldBits) & mask(length.bits)) - length.firstCode];
    }
    if (heldBits >= longest) {
      return undefined;
    }
  }
  // It is filled up with the begin of a code that is all ones.
  const filled = heldBits < 8 && (held & mask(heldBits)) === mask(heldBits);
  return filled ? text : undefined;
}

/** The length of the code that the held bits begin with; undefined where it is not all there. */
function startOf(held: number, heldBits: number): Length | undefined {
  for (const length of lengths) {
    if (heldBits < length.bits) {
      return undefined;
    }
    const code = (held >>> (heldBits - length.bits)) & mask(length.bits);
    if (code < length.firstCode + length.characters.length) {
      return length;
    }
  }
  return undefined;
}

function mask(bits: number): number {
  return (1 << bits) - 1;
}
