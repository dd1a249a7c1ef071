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

const shortest = 5;
const longest = 19;
/** Codes up to this length are found by their first bits at once; almost all characters have such. */
const short = 8;
/** By so many bits: the length of the code that they begin with, and its character in the last byte. 0 where it is longer. */
const shortCodes = new Uint16Array(1 << short);
/** The same of longer codes, by their bits with a one before them. */
const longCodes = new Map<number, number>();
fillTables();

function fillTables(): void {
  let code = 0;
  let before = 0;
  for (const [bits, characters] of charactersByLength) {
    code <<= bits - before;
    before = bits;
    for (const character of characters) {
      const found = (bits << 8) | character.charCodeAt(0);
      if (bits > short) {
        longCodes.set((1 << bits) | code, found);
      } else {
        shortCodes.fill(found, code << (short - bits), (code + 1) << (short - bits));
      }
      code++;
    }
  }
}

/** Decodes a string of a header. @returns undefined where it is malformed, or is not all visible ASCII */
export function decodeHuffman(bytes: Uint8Array): string | undefined {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / shortest));
  let length = 0;
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    // Less than `longest` bits are held from before, so that 32 are enough.
    held = ((held & mask(longest)) << 8) | byte;
    heldBits += 8;
    while (heldBits >= shortest) {
      const found = codeOf(held, heldBits);
      const bits = found >>> 8;
      if (bits === 0 || bits > heldBits) {
        break;
      }
      heldBits -= bits;
      text[length++] = found & 0xff;
    }
    if (heldBits >= longest) {
      return undefined;
    }
  }
  // It is filled up with the begin of a code that is all ones.
  const filled = heldBits < 8 && (held & mask(heldBits)) === mask(heldBits);
  return filled ? text.toString("latin1", 0, length) : undefined;
}

/** The code that the held bits begin with, and its length; 0, or one that is longer than they are, where it is not all there. */
function codeOf(held: number, heldBits: number): number {
  const missing = Math.max(0, short - heldBits);
  const first = ((held << missing) | mask(missing)) >>> (heldBits + missing - short);
  const found = shortCodes[first & mask(short)] ?? 0;
  return found === 0 ? longCode(held, heldBits) : found;
}

function longCode(held: number, heldBits: number): number {
  for (let bits = short + 1; bits <= Math.min(longest, heldBits); bits++) {
    const found = longCodes.get((1 << bits) | ((held >>> (heldBits - bits)) & mask(bits)));
    if (found !== undefined) {
      return found;
    }
  }
  return 0;
}

function mask(bits: number): number {
  return (1 << bits) - 1;
}
