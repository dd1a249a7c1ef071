import {
  defaultTableSize,
  Flag,
  type FrameHead,
  FrameType,
  headerBlock,
  headersHead,
  headLength,
  mostPayload,
  noTableFrame,
  preface,
  readHead,
  resetFrame,
  tableSizesIn,
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

/**
 * How far the client has agreed that no headers are remembered. "unfit": it has not, or does what we don't follow. "foreign": it
 * speaks something else.
 */
type Stage = "preface" | "asked" | "agreeing" | "agreed" | "unfit" | "foreign";

/**
 * Takes calls that are refused out of what a client sends on one connection, before the server's HTTP/2 has made anything
 * of them. No header block must need another that was taken out. So the client is asked to encode headers without a table
 * (SETTINGS_HEADER_TABLE_SIZE 0), behind the server's back: the server's decoder takes what comes either way, and a client that does
 * not do as it is asked, as some don't, is served as if there were no filter. What a call took of the connection's window is
 * given back. Nothing else is judged: what breaks the protocol goes on, too.
 */
export class FrameFilter {
  /** What the client is to be sent before all else. */
  readonly greeting: Buffer = noTableFrame();
  readonly #judge: FrameJudge;
  #stage: Stage = "preface";
  #acknowledged = false;
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
    this.#stage = "asked";
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
    // A copy, so that a part of a head does not keep all that came with it.
    this.#held = at === bytes.length ? none : Buffer.from(bytes.subarray(at));
    return passed;
  }

  /** @param rest what is there behind the head @returns undefined where more must be there to tell */
  #goesOn(head: FrameHead, rest: Buffer): boolean | undefined {
    const { type, stream, length, flags } = head;
    if (length > mostPayload) {
      this.#stage = "unfit"; // The server will say what it makes of that; it is not to be held here.
      return true;
    }
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
      // What is asked first is acknowledged first, and the server has not asked that.
      const ours = !this.#acknowledged;
      this.#acknowledged = true;
      this.#stage = this.#stage === "asked" ? "agreeing" : this.#stage;
      return !ours;
    }
    if (payload === undefined) {
      return undefined;
    }
    const sizes = tableSizesIn(payload);
    if (sizes.length > 0) {
      this.#heed(sizes);
    }
    return true;
  }

  /**
   * The next headers to a client that wants a smaller table must say that they heed that (https://www.rfc-editor.org/rfc/rfc7541#section-4.2),
   * and may be ours. To say so again changes nothing. Who wants it later than at the beginning, or changes its mind, is left to
   * the server, whose headers may be on their way.
   */
  #heed(sizes: readonly number[]): void {
    const [size = defaultTableSize] = sizes;
    if (sizes.length > 1 || this.#tableSize.length > 0 || this.#lastPassed > 0) {
      this.#stage = "unfit";
    } else if (size < defaultTableSize) {
      this.#tableSize = encodeTableSize(size);
    }
  }

  #call({ stream, flags }: FrameHead, payload: Buffer | undefined): boolean | undefined {
    const agreeing = this.#stage === "agreeing";
    const judging = this.#stage === "agreed" && this.#watching && (flags & Flag.END_HEADERS) !== 0;
    if ((agreeing || judging) && payload === undefined) {
      return undefined;
    }
    const block = payload === undefined ? undefined : headerBlock(payload, flags);
    if (agreeing) {
      // Who does as it was asked says so at the beginning of the first headers after.
      this.#stage = block?.[0] === noTable ? "agreed" : "unfit";
    }
    const refusal = judging && block !== undefined ? this.#judge.refusal(block) : undefined;
    if (refusal !== undefined) {
      this.#refuse(stream, flags, refusal);
      return false;
    }
    this.#lastPassed = stream;
    return true;
  }

  #refuse(stream: number, flags: number, refusal: Buffer): void {
    this.#lastRefused = stream;
    const length = this.#tableSize.length + refusal.length;
    this.#replies.push(headersHead(stream, length), this.#tableSize, refusal);
    if ((flags & Flag.END_STREAM) === 0) {
      this.#unended.add(stream);
    }
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
const [noTable] = encodeTableSize(0);
