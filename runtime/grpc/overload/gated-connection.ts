import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { FrameFilter, type FrameJudge } from "./frame-filter.js";

/**
 * A client's connection, as HTTP/2 sees it: without the calls that are refused. HTTP/2 writes whole frames at a time, so
 * that refusals can be sent between.
 */
export class GatedConnection extends Duplex {
  readonly #socket: Socket;
  readonly #filter: FrameFilter;
  /** Whether HTTP/2 wants more, and whether it may have it. */
  #wanted = false;
  #resting = false;

  constructor(socket: Socket, judge: FrameJudge) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#filter = new FrameFilter(judge);
    socket.setNoDelay(true);
    socket.write(this.#filter.greeting);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("end", () => this.push(null));
    socket.on("drain", () => this.#flow());
    // A client that is gone is nobody's mistake: HTTP/2 ends its streams.
    socket.on("error", () => this.destroy());
    socket.on("close", () => this.destroy());
  }

  /** Reads nothing for a time: what the client sends waits in the network. */
  rest(): void {
    this.#resting = true;
    this.#socket.pause();
  }

  /** Reads again. */
  goOn(): void {
    this.#resting = false;
    this.#flow();
  }

  #take(chunk: Buffer): void {
    const { passed, reply } = this.#filter.filter(chunk);
    if (reply.length > 0) {
      this.#socket.write(reply);
    }
    for (const part of passed) {
      if (!this.push(part)) {
        this.#wanted = false;
      }
    }
    // A client that does not take its refusals is not read for more.
    if (!this.#wanted || this.#socket.writableNeedDrain) {
      this.#socket.pause();
    }
  }

  #flow(): void {
    if (this.#wanted && !this.#resting && !this.#socket.writableNeedDrain) {
      this.#socket.resume();
    }
  }

  override _read(): void {
    this.#wanted = true;
    this.#flow();
  }

  override _write(frame: Buffer, _encoding: string, sent: (error?: Error | null) => void): void {
    this.#socket.write(frame, sent);
  }

  override _writev(frames: readonly { readonly chunk: Buffer }[], sent: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (const [at, { chunk }] of frames.entries()) {
      this.#socket.write(chunk, at === frames.length - 1 ? sent : undefined);
    }
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done();
  }
}
