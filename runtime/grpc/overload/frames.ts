// HTTP/2's frames, as far as a gate needs them: https://www.rfc-editor.org/rfc/rfc9113#section-4

/** What a client begins a connection with. */
export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** The length of a frame's head, bytes. */
export const headLength = 9;

/** The types of frames. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** The flags of frames. */
export const Flag = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;

/** What a setting is about. */
const headerTableSize = 0x1;

/** The longest payload that a side must take that has not said otherwise, bytes. */
export const mostPayload = 16_384;

/** What a frame begins with. */
export interface FrameHead {
  /** Of what follows the head, bytes. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  /** 0: the connection. */
  readonly stream: number;
}

/** Reads a head that is all there. */
export function readHead(bytes: Buffer, at: number): FrameHead {
  return {
    length: bytes.readUIntBE(at, 3),
    type: bytes.readUInt8(at + 3),
    flags: bytes.readUInt8(at + 4),
    stream: bytes.readUInt32BE(at + 5) & 0x7fff_ffff,
  };
}

/** The sizes that a SETTINGS frame gives the table by which headers to its sender are encoded. */
export function tableSizesIn(settings: Buffer): readonly number[] {
  const sizes: number[] = [];
  for (let at = 0; at + settingLength <= settings.length; at += settingLength) {
    if (settings.readUInt16BE(at) === headerTableSize) {
      sizes.push(settings.readUInt32BE(at + 2));
    }
  }
  return sizes;
}

/** Asks the other side to encode its headers without a table. */
export function noTableFrame(): Buffer {
  const setting = Buffer.alloc(settingLength);
  setting.writeUInt16BE(headerTableSize);
  return Buffer.concat([frameHead(settingLength, FrameType.SETTINGS, 0, 0), setting]);
}

/** What the table holds where nothing is said, bytes. */
export const defaultTableSize = 4096;

const settingLength = 6;

/** The header block of a HEADERS frame. @returns undefined where the frame's lengths don't fit together */
export function headerBlock(payload: Buffer, flags: number): Buffer | undefined {
  const padded = (flags & Flag.PADDED) !== 0;
  const padding = padded ? (payload[0] ?? 0) : 0;
  const begin = (padded ? 1 : 0) + ((flags & Flag.PRIORITY) !== 0 ? 5 : 0);
  const end = payload.length - padding;
  return begin > end ? undefined : payload.subarray(begin, end);
}

/** What comes before a whole header block that ends its stream. @param length of the block, bytes */
export function headersHead(stream: number, length: number): Buffer {
  return frameHead(length, FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, stream);
}

/** Asks for no more of a stream, whose answer is complete. */
export function resetFrame(stream: number): Buffer {
  return Buffer.concat([frameHead(4, FrameType.RST_STREAM, 0, stream), Buffer.alloc(4)]);
}

/** Lets the other side send as many bytes more on the connection. */
export function windowFrame(bytes: number): Buffer {
  const frame = Buffer.concat([frameHead(4, FrameType.WINDOW_UPDATE, 0, 0), Buffer.alloc(4)]);
  frame.writeUInt32BE(bytes, headLength);
  return frame;
}

/** What a frame begins with. @param length of what follows, bytes */
export function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head;
}
