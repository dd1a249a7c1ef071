import type { Socket } from "node:net";

// HTTP/2 frames, as far as a bench needs them: https://www.rfc-editor.org/rfc/rfc9113#section-4
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const headLength = 9;
const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
} as const;
const Flag = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const;
const Setting = { HEADER_TABLE_SIZE: 1, ENABLE_PUSH: 2, MAX_CONCURRENT_STREAMS: 3, INITIAL_WINDOW_SIZE: 4 } as const;
const settingLength = 6;

/** Receives frames. */
export interface RawListener {
  data(stream: number, payload: Buffer): void;
  headers(stream: number, block: Buffer, last: boolean): void;
  reset(stream: number): void;
  lost(why: string): void;
}

/** What a call says. */
export interface RawRequest {
  /** The encoded headers, in parts. */
  readonly headers: readonly Uint8Array[];
  /** The message with its length before it, in parts. */
  readonly body: readonly Uint8Array[];
  /** The call has a stream now, of this number. */
  began(stream: number): void;
}

/** The size of each window, bytes: large, so that few updates are sent. */
const window = 2 ** 30;
const initialWindow = 65_535;

/**
 * A client's HTTP/2 connection, as far as a bench needs it: no padding, no continuation. Calls wait here for a free
 * stream (SETTINGS_MAX_CONCURRENT_STREAMS of the server), in order, as in gRPC's clients.
 */
export class RawConnection {
  readonly #socket: Socket;
  readonly #listener: RawListener;
  #held: Buffer = Buffer.alloc(0);
  /** What may be sent, bytes, and how many streams may be open. */
  #maySend = initialWindow;
  #mayOpen = Number.POSITIVE_INFINITY;
  readonly #open = new Set<number>();
  #lastStream = -1;
  readonly #waiting: RawRequest[] = [];
  #outgoing: Uint8Array[] = [];
  #received = 0;

  constructor(socket: Socket, listener: RawListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => listener.lost("the connection was lost"));
    const settings = [
      [Setting.ENABLE_PUSH, 0],
      [Setting.HEADER_TABLE_SIZE, 0],
      [Setting.INITIAL_WINDOW_SIZE, window],
    ].map(([key = 0, value = 0]) => {
      const setting = Buffer.alloc(settingLength);
      setting.writeUInt16BE(key);
      setting.writeUInt32BE(value, 2);
      return setting;
    });
    const head = frameHead(settings.length * settingLength, FrameType.SETTINGS, 0, 0);
    this.#write([preface, head, ...settings, ...enlarge(window - initialWindow)]);
  }

  /** Whether a call would find a free stream. */
  get hasFreeStream(): boolean {
    return this.#waiting.length === 0 && this.#open.size < this.#mayOpen;
  }

  /** Makes a call as soon as there is a free stream, and room in the window. */
  send(request: RawRequest): void {
    this.#waiting.push(request);
    this.#sendWaiting();
  }

  /** Gives up a call that has a stream. */
  cancel(stream: number): void {
    const reason = Buffer.from([0, 0, 0, 8]);
    this.#write([frameHead(reason.length, FrameType.RST_STREAM, 0, stream), reason]);
    this.#ended(stream);
  }

  #sendWaiting(): void {
    let sent = 0;
    for (const { headers, body, began } of this.#waiting) {
      const length = lengthOf(body);
      if (this.#open.size >= this.#mayOpen || length > this.#maySend) break;
      this.#maySend -= length;
      this.#lastStream += 2;
      const stream = this.#lastStream;
      this.#open.add(stream);
      this.#write([
        frameHead(lengthOf(headers), FrameType.HEADERS, Flag.END_HEADERS, stream),
        ...headers,
        frameHead(length, FrameType.DATA, Flag.END_STREAM, stream),
        ...body,
      ]);
      sent++;
      began(stream);
    }
    this.#waiting.splice(0, sent);
  }

  /** Everything of one turn of the event loop is sent in one piece. */
  #write(frames: readonly Uint8Array[]): void {
    if (this.#outgoing.length === 0) {
      setImmediate(() => {
        this.#socket.write(Buffer.concat(this.#outgoing));
        this.#outgoing = [];
      });
    }
    this.#outgoing.push(...frames);
  }

  #take(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = 0;
    while (bytes.length - at >= headLength) {
      const end = at + headLength + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const stream = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#frame(bytes.readUInt8(at + 3), bytes.readUInt8(at + 4), stream, bytes.subarray(at + headLength, end));
      at = end;
    }
    this.#held = bytes.subarray(at);
    this.#sendWaiting();
  }

  #frame(type: number, flags: number, stream: number, payload: Buffer): void {
    if (type === FrameType.DATA) {
      this.#received += payload.length;
      this.#listener.data(stream, payload);
      if (this.#received > window / 2) {
        this.#write(enlarge(this.#received));
        this.#received = 0;
      }
    } else if (type === FrameType.HEADERS) {
      const last = (flags & Flag.END_STREAM) !== 0;
      if (last) this.#ended(stream);
      this.#listener.headers(stream, headerBlock(payload, flags), last);
    } else if (type === FrameType.RST_STREAM) {
      this.#ended(stream);
      this.#listener.reset(stream);
    } else if (type === FrameType.WINDOW_UPDATE && stream === 0) {
      this.#maySend += payload.readUInt32BE();
    } else if ((type === FrameType.SETTINGS || type === FrameType.PING) && (flags & Flag.ACK) === 0) {
      if (type === FrameType.SETTINGS) this.#heed(payload);
      const answer = type === FrameType.PING ? payload : Buffer.alloc(0);
      this.#write([frameHead(answer.length, type, Flag.ACK, 0), answer]);
    } else if (type === FrameType.GOAWAY) {
      this.#socket.end();
    }
  }

  #ended(stream: number): void {
    this.#open.delete(stream);
  }

  #heed(settings: Buffer): void {
    for (let at = 0; at + settingLength <= settings.length; at += settingLength) {
      if (settings.readUInt16BE(at) === Setting.MAX_CONCURRENT_STREAMS) this.#mayOpen = settings.readUInt32BE(at + 2);
    }
  }
}

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((length, part) => length + part.length, 0);
}

function headerBlock(payload: Buffer, flags: number): Buffer {
  const padding = (flags & Flag.PADDED) !== 0 ? (payload[0] ?? 0) : 0;
  const begin = ((flags & Flag.PADDED) !== 0 ? 1 : 0) + ((flags & Flag.PRIORITY) !== 0 ? 5 : 0);
  return payload.subarray(begin, payload.length - padding);
}

function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUIntBE(length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return head;
}

function enlarge(bytes: number): readonly Uint8Array[] {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return [frameHead(4, FrameType.WINDOW_UPDATE, 0, 0), payload];
}
