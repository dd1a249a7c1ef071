import {
  defaultTableSize,
  Flag,
  type FrameHead,
  FrameType,
  headerBlock,
  headersHead,
  headLength,
  preface,
  readHead,
  resetFrame,
  tableSizeIn,
  windowFrame,
} from "./frames.js";
import { encodeTableSize } from "./hpack.js";

/** What became of bytes that a client sent. */
export interface Filtered {
  /** What goes on to the server. */
  readonly passed: readonly Buffer[];
  /** What the client is answered, in whole frames; empty where nothing. */
  readonly reply: Buffer;
}

/** Who judges calls. */
export interface FrameJudge {
  /** Whether calls are to be judged just now. */
  watches(): boolean;
  /** @param block a call's encoded headers @returns the encoded headers of its refusal; undefined where it goes on */
  refusal(block: Buffer): Buffer | undefined;
}

/** How far the client has agreed that no headers are remembered. "foreign": it speaks something else. */
type Stage = "preface" | "unasked" | "agreeing" | "agreed" | "unfit" | "foreign";

/**
 * Takes calls that are refused out of what a client sends on one connection, before the server's HTTP/2 has made anything
 * of them. The server must have said that it remembers no headers (SETTINGS_HEADER_TABLE_SIZE 0), so that no header block
 * needs another that was taken out; until the client has agreed, everything goes on. What a call took of the
 * connection's window is given back. Nothing else is judged: what breaks the protocol goes on, too.
 */
export class FrameFilter {
  readonly #judge: FrameJudge;
  #stage: Stage = "preface";
  /** A part of a frame that is not decided about. */
  #held: Buffer = none;
  /** How much of the frame under way is still to come, and what becomes of it. */
  #left = 0;
  #dropping = false;
  /** The last streams that the server knows of, and that were refused. */
  #lastPassed = 0;
  #lastRefused = 0;
  /** What headers to the client begin with. */
  #tableSize: Buffer = none;
  // Of one chunk:
  #watching = false;
  #replies: Buffer[] = [];
  /** Refused, and not ended by the client. */
  #unended = new Set<number>();
  #owedWindow = 0;

  constructor(judge: FrameJudge) {
    this.#judge = judge;
  }

  /** Takes in what came next, however it was cut. */
  filter(chunk: Buffer): Filtered {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const begin = this.#stage === "preface" ? this.#readPreface(bytes) : 0;
    if (begin === undefined) {
      this.#held = bytes;
      return { passed: [], reply: none };
    }
    if (this.#stage === "foreign") {
      this.#held = none;
      return { passed: [bytes], reply: none };
    }
    this.#watching = this.#judge.watches();
    this.#replies = [];
    const passed = this.#walk(bytes, begin);
    for (const stream of this.#unended) {
      this.#replies.push(resetFrame(stream));
    }
    this.#unended.clear();
    if (this.#owedWindow > 0) {
      this.#replies.push(windowFrame(this.#owedWindow));
      this.#owedWindow = 0;
    }
    return { passed, reply: this.#replies.length === 0 ? none : Buffer.concat(this.#replies) };
  }

  /** @returns where the frames begin; undefined where it is not all there */
  #readPreface(bytes: Buffer): number | undefined {
    const there = Math.min(bytes.length, preface.length);
    if (bytes.compare(preface, 0, there, 0, there) !== 0) {
      this.#stage = "foreign";
      return 0;
    }
    if (there < preface.length) {
      return undefined;
    }
    this.#stage = "unasked";
    return preface.length;
  }

  /** @returns what goes on, in as few pieces as there can be */
  #walk(bytes: Buffer, begin: number): Buffer[] {
    const passed: Buffer[] = [];
    let from = 0;
    let at = begin;
    while (at < bytes.length) {
      if (this.#left === 0) {
        const head = bytes.length - at < headLength ? undefined : readHead(bytes, at);
        const goesOn = head === undefined ? undefined : this.#goesOn(head, bytes.subarray(at + headLength));
        if (head === undefined || goesOn === undefined) {
          break;
        }
        this.#left = headLength + head.length;
        this.#dropping = !goesOn;
      }
      const end = Math.min(at + this.#left, bytes.length);
      if (this.#dropping) {
        if (at > from) {
          passed.push(bytes.subarray(from, at));
        }
        from = end;
      }
      this.#left -= end - at;
      at = end;
    }
    if (at > from) {
      passed.push(bytes.subarray(from, at));
    }
    this.#held = at === bytes.length ? none : bytes.subarray(at);
    return passed;
  }

  /** @param rest what is there behind the head @returns undefined where more must be there to tell */
  #goesOn(head: FrameHead, rest: Buffer): boolean | undefined {
    const { type, stream, length, flags } = head;
    const payload = rest.length < length ? undefined : rest.subarray(0, length);
    if (type === FrameType.SETTINGS) {
      return this.#settings(flags, payload);
    }
    if (type === FrameType.HEADERS && stream > Math.max(this.#lastPassed, this.#lastRefused)) {
      return this.#call(head, payload);
    }
    // What comes late of a refused stream the server ignores where it knows of a later one, and else must not see.
    const refused = this.#unended.has(stream) || (stream > this.#lastPassed && stream <= this.#lastRefused);
    if (refused) {
      this.#refuseRest(head);
    }
    return !refused;
  }

  #settings(flags: number, payload: Buffer | undefined): boolean | undefined {
    if ((flags & Flag.ACK) !== 0) {
      this.#stage = this.#stage === "unasked" ? "agreeing" : this.#stage;
      return true;
    }
    const size = payload === undefined ? undefined : tableSizeIn(payload);
    if (size !== undefined) {
      this.#heed(size);
    }
    return payload === undefined ? undefined : true;
  }

  /**
   * The next headers to a client that wants a smaller table must say that they heed that (https://www.rfc-editor.org/rfc/rfc7541#section-4.2),
   * and may be ours. To say so again changes nothing. Who then wants another size is left to the server.
   */
  #heed(tableSize: number): void {
    if (this.#tableSize.length > 0) {
      this.#stage = "unfit";
    } else if (tableSize < defaultTableSize) {
      this.#tableSize = encodeTableSize(tableSize);
    }
  }

  #call({ stream, flags }: FrameHead, payload: Buffer | undefined): boolean | undefined {
    if (this.#stage === "agreed" && this.#watching && (flags & Flag.END_HEADERS) !== 0) {
      if (payload === undefined) {
        return undefined;
      }
      const block = headerBlock(payload, flags);
      const refusal = block === undefined ? undefined : this.#judge.refusal(block);
      if (refusal !== undefined) {
        this.#lastRefused = stream;
        const length = this.#tableSize.length + refusal.length;
        this.#replies.push(headersHead(stream, length), this.#tableSize, refusal);
        if ((flags & Flag.END_STREAM) === 0) {
          this.#unended.add(stream);
        }
        return false;
      }
    }
    // The first headers after the client has agreed tell the server's decoder so.
    this.#stage = this.#stage === "agreeing" ? "agreed" : this.#stage;
    this.#lastPassed = stream;
    return true;
  }

  #refuseRest({ type, stream, flags, length }: FrameHead): void {
    if (type === FrameType.DATA) {
      this.#owedWindow += length;
    }
    const mayEnd = type === FrameType.DATA || type === FrameType.HEADERS;
    if (type === FrameType.RST_STREAM || (mayEnd && (flags & Flag.END_STREAM) !== 0)) {
      this.#unended.delete(stream);
    }
  }
}

const none = Buffer.alloc(0);
