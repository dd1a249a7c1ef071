import type { Socket } from "node:net";
import {
  Flag,
  FrameType,
  frameHead,
  headerBlock,
  headLength,
  preface,
  readHead,
} from "../../runtime/grpc/overload/frames.js";

/** Told of what comes. */
export interface RawListener {
  data(stream: number, payload: Buffer): void;
  headers(stream: number, block: Buffer, last: boolean): void;
  reset(stream: number): void;
  lost(why: string): void;
}

/** What each of the windows holds, bytes: so much that few updates are sent. */
const window = 2 ** 30;
const initialWindow = 65_535;

/** A client's connection of HTTP/2, as much of it as a bench needs: no padding, no continuation, no limit on streams. */
export class RawConnection {
  readonly #socket: Socket;
  readonly #listener: RawListener;
  #held: Buffer = Buffer.alloc(0);
  /** What may be sent, and what waits for that to be more. */
  #maySend = initialWindow;
  #waiting: { readonly length: number; readonly frames: readonly Uint8Array[] }[] = [];
  #outgoing: Uint8Array[] = [];
  #received = 0;

  constructor(socket: Socket, listener: RawListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => {});
    socket.on("close", () => listener.lost("the connection was lost"));
    // No push, no table of headers, and large windows.
    const settings = [
      [2, 0],
      [1, 0],
      [4, window],
    ].map(([key = 0, value = 0]) => {
      const setting = Buffer.alloc(6);
      setting.writeUInt16BE(key);
      setting.writeUInt32BE(value, 2);
      return setting;
    });
    this.#write([preface, frameHead(18, FrameType.SETTINGS, 0, 0), ...settings, ...enlarge(window - initialWindow)]);
  }

  /** @param length how much of it counts against the window, bytes */
  send(length: number, frames: readonly Uint8Array[]): void {
    if (this.#waiting.length > 0 || length > this.#maySend) {
      this.#waiting.push({ length, frames });
      return;
    }
    this.#maySend -= length;
    this.#write(frames);
  }

  /** What is sent in one turn goes in one piece. */
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
      const { type, flags, stream, length } = readHead(bytes, at);
      const end = at + headLength + length;
      if (end > bytes.length) break;
      this.#frame(type, flags, stream, bytes.subarray(at + headLength, end));
      at = end;
    }
    this.#held = bytes.subarray(at);
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
      const block = headerBlock(payload, flags) ?? payload;
      this.#listener.headers(stream, block, (flags & Flag.END_STREAM) !== 0);
    } else if (type === FrameType.RST_STREAM) {
      this.#listener.reset(stream);
    } else if (type === FrameType.WINDOW_UPDATE && stream === 0) {
      this.#maySend += payload.readUInt32BE();
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const { length, frames } of waiting) this.send(length, frames);
    } else if ((type === FrameType.SETTINGS || type === FrameType.PING) && (flags & Flag.ACK) === 0) {
      const answer = type === FrameType.PING ? payload : Buffer.alloc(0);
      this.#write([frameHead(answer.length, type, Flag.ACK, 0), answer]);
    } else if (type === FrameType.GOAWAY) {
      this.#socket.end();
    }
  }
}

function enlarge(bytes: number): readonly Uint8Array[] {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return [frameHead(4, FrameType.WINDOW_UPDATE, 0, 0), payload];
}
