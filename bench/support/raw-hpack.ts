// HPACK (https://www.rfc-editor.org/rfc/rfc7541) without a dynamic table, as far as a client of a bench needs it.

/** Header fields by name. */
export type Fields = ReadonlyMap<string, string>;

/** The entries of HPACK's static table that a gRPC call uses (https://www.rfc-editor.org/rfc/rfc7541#appendix-A). */
const staticTable: Readonly<Record<number, readonly [name: string, value: string]>> = {
  2: [":method", "GET"],
  3: [":method", "POST"],
  4: [":path", "/"],
  5: [":path", "/index.html"],
  31: ["content-type", ""],
};
const staticEntries = 61;
const other = ["", ""] as const;

/**
 * Decodes a header block that was encoded without a dynamic table.
 * @returns the fields of the given names; undefined if one occurs twice, if the block is malformed, or if it refers to
 *   earlier blocks
 */
export function decodeFields(block: Buffer, names: ReadonlySet<string>): Fields | undefined {
  const fields = new Map<string, string>();
  const reader = new Reader(block);
  while (!reader.done) {
    const field = readField(reader, names);
    if (field === "malformed" || (field !== undefined && fields.has(field.name))) {
      return undefined;
    }
    if (field !== undefined) {
      fields.set(field.name, field.value);
    }
  }
  return fields;
}

interface Field {
  readonly name: string;
  readonly value: string;
}

/** https://www.rfc-editor.org/rfc/rfc7541#section-6 @returns undefined if it has none of the given names */
function readField(reader: Reader, names: ReadonlySet<string>): Field | undefined | "malformed" {
  const first = reader.peek();
  if (first >= 0x80) {
    const index = reader.integer(7);
    if (index === undefined || index === 0 || index > staticEntries) {
      return "malformed";
    }
    const [name, value] = staticTable[index] ?? other;
    return names.has(name) ? { name, value } : undefined;
  }
  if (first >= 0x20 && first < 0x40) {
    // The size of the dynamic table: it must stay 0.
    return reader.integer(5) === 0 ? undefined : "malformed";
  }
  const index = reader.integer(first >= 0x40 ? 6 : 4);
  if (index === undefined || index > staticEntries) {
    return "malformed";
  }
  const name = index === 0 ? reader.name() : (staticTable[index] ?? other)[0];
  const wanted = name !== undefined && names.has(name);
  const value = wanted ? reader.text() : reader.skip();
  if (name === undefined || value === undefined) {
    return "malformed";
  }
  return wanted ? { name, value } : undefined;
}

/** Encodes fields without adding any to the dynamic table. */
export function encodeFields(fields: Readonly<Record<string, string>>): Buffer {
  const literalOfNewName = Buffer.from([0]);
  return Buffer.concat(
    Object.entries(fields).flatMap(([name, value]) => [literalOfNewName, encodeText(name), encodeText(value)]),
  );
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([encodeInteger(bytes.length, 7), bytes]);
}

/** The beginning of a block that sets the size of the table, bytes. */
export function encodeTableSize(size: number): Buffer {
  return encodeInteger(size, 5, 0x20);
}

/**
 * https://www.rfc-editor.org/rfc/rfc7541#section-5.1
 * @param prefix how many bits of the first byte it has
 * @param others the others
 */
function encodeInteger(value: number, prefix: number, others = 0): Buffer {
  const most = (1 << prefix) - 1;
  if (value < most) {
    return Buffer.from([others | value]);
  }
  const bytes = [others | most];
  let left = value - most;
  for (; left >= 0x80; left >>>= 7) {
    bytes.push((left & 0x7f) | 0x80);
  }
  return Buffer.from([...bytes, left]);
}

/** Decoded names by their encoding: clients send the same few names with each call. */
const knownNames = new Map<string, string>();
const mostKnownNames = 256;

class Reader {
  #at = 0;

  constructor(readonly bytes: Buffer) {}

  get done(): boolean {
    return this.#at >= this.bytes.length;
  }

  peek(): number {
    return this.bytes[this.#at] ?? 0;
  }

  /** @param prefix how many bits of the first byte it has */
  integer(prefix: number): number | undefined {
    const most = (1 << prefix) - 1;
    let value = (this.bytes[this.#at++] ?? 0) & most;
    if (value < most) {
      return value;
    }
    // No header block is longer than 2^24 bytes.
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.bytes[this.#at++];
      if (byte === undefined) {
        return undefined;
      }
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) {
        return value;
      }
    }
    return undefined;
  }

  text(): string | undefined {
    const huffman = (this.peek() & 0x80) !== 0;
    const bytes = this.#string();
    if (bytes === undefined) {
      return undefined;
    }
    return huffman ? decodeHuffman(bytes) : bytes.toString("latin1");
  }

  /** The same of a name. */
  name(): string | undefined {
    const from = this.#at;
    if (this.skip() === undefined) {
      return undefined;
    }
    const encoded = this.bytes.toString("latin1", from, this.#at);
    const known = knownNames.get(encoded);
    if (known !== undefined) {
      return known;
    }
    this.#at = from;
    const name = this.text();
    if (name !== undefined && knownNames.size < mostKnownNames) {
      knownNames.set(encoded, name);
    }
    return name;
  }

  /** Skips a string. @returns undefined if it is incomplete */
  skip(): "" | undefined {
    return this.#string() === undefined ? undefined : "";
  }

  #string(): Buffer | undefined {
    const length = this.integer(7);
    if (length === undefined || this.#at + length > this.bytes.length) {
      return undefined;
    }
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }
}

/**
 * The codes of visible ASCII (https://www.rfc-editor.org/rfc/rfc7541#appendix-B), by their length in bits. The code is
 * canonical: those of one length follow each other in the order of the characters, so the lengths determine all codes.
 */
const charactersByLength: readonly (readonly [bits: number, characters: string])[] = [
  [5, "012aceiost"],
  [6, " %-./3456789=A_bdfghlmnpru"],
  [7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [8, "&*,;XZ"],
  [10, '!"()?'],
  [11, "'+|"],
  [12, "#>"],
  // NUL, which no header may contain, has the first code of this length.
  [13, "\0$@[]~"],
  [14, "^}"],
  [15, "<`{"],
  [19, "\\"],
];

const shortestCode = 5;
const longestCode = 19;
/** Codes up to this length are found by one lookup. Almost all characters have such codes. */
const short = 8;
/**
 * By the next bits: the length of the code that they begin with, and its character in the last byte. 0 if the code is
 * longer.
 */
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

/** Decodes a string of a header. @returns undefined if it is malformed, or not visible ASCII */
function decodeHuffman(bytes: Uint8Array): string | undefined {
  const text = Buffer.allocUnsafe(Math.ceil((bytes.length * 8) / shortestCode));
  let length = 0;
  let held = 0;
  let heldBits = 0;
  for (const byte of bytes) {
    // Fewer than `longestCode` bits are left from before, so 32 are enough.
    held = ((held & mask(longestCode)) << 8) | byte;
    heldBits += 8;
    while (heldBits >= shortestCode) {
      const found = codeOf(held, heldBits);
      const bits = found >>> 8;
      if (bits === 0 || bits > heldBits) {
        break;
      }
      heldBits -= bits;
      text[length++] = found & 0xff;
    }
    if (heldBits >= longestCode) {
      return undefined;
    }
  }
  // The padding is the beginning of the code that is all ones.
  const filled = heldBits < 8 && (held & mask(heldBits)) === mask(heldBits);
  return filled ? text.toString("latin1", 0, length) : undefined;
}

/**
 * The code that the held bits begin with, and its length; 0, or one that is longer than they are, where it is not all
 * there.
 */
function codeOf(held: number, heldBits: number): number {
  const missing = Math.max(0, short - heldBits);
  const first = ((held << missing) | mask(missing)) >>> (heldBits + missing - short);
  const found = shortCodes[first & mask(short)] ?? 0;
  return found === 0 ? longCode(held, heldBits) : found;
}

function longCode(held: number, heldBits: number): number {
  for (let bits = short + 1; bits <= Math.min(longestCode, heldBits); bits++) {
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
