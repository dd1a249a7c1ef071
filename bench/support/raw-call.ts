import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { Flag, FrameType, frameHead } from "../../runtime/grpc/overload/frames.js";
import { decodeFields, encodeFields, encodeTableSize } from "../../runtime/grpc/overload/hpack.js";
import { RawConnection } from "./raw-connection.js";

/** How a call ended. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  /** The response's bytes; empty where there is none. */
  readonly body: Buffer;
}

/** Makes unary calls of gRPC over one connection. */
export type RawCall = (
  path: string,
  request: Uint8Array,
  headers: RawHeaders,
  ended: (answer: RawAnswer) => void,
) => void;

/** What a call says besides its request. */
export interface RawHeaders {
  readonly "x-request-id": string;
  /** ms; the server learns of it, too. */
  readonly timeoutMs: number;
}

interface Call {
  readonly ended: (answer: RawAnswer) => void;
  readonly overdueAtMs: number;
  readonly body: Buffer[];
}

/**
 * Connects. Calls are made of HTTP/2's frames themselves: a client of grpc-js takes ten times the processor time for each,
 * Node's HTTP/2 five times, and with shared cores that is what would be measured.
 */
export async function connectRaw(address: string): Promise<RawCall> {
  const at = address.lastIndexOf(":");
  const socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  const calls = new Map<number, Call>();
  const connection = new RawConnection(socket, {
    data(stream, payload) {
      calls.get(stream)?.body.push(payload);
    },
    headers(stream, block, last) {
      if (last) end(stream, decodeFields(block, read));
    },
    reset: (stream) => end(stream, undefined, "the stream was reset"),
    lost: (why) => {
      lost = why;
      for (const stream of [...calls.keys()]) end(stream, undefined, why);
    },
  });
  let lastStream = -1;
  let lost: string | undefined;

  function end(stream: number, fields: ReadonlyMap<string, string> | undefined, why = "no status"): void {
    const call = calls.get(stream);
    calls.delete(stream); // A reset may come after the end.
    call?.ended({
      code: Number(fields?.get("grpc-status") ?? status.UNAVAILABLE),
      details: decodeURI(fields?.get("grpc-message") ?? (fields === undefined ? why : "")),
      body: Buffer.concat(call.body).subarray(messageHead),
    });
  }

  // The server keeps the deadline; this is for one that hangs.
  const watch = setInterval(() => {
    const now = performance.now();
    for (const [stream, { overdueAtMs }] of calls) {
      if (now > overdueAtMs) end(stream, undefined, "no answer came in time");
    }
  }, 500);
  watch.unref();

  const begins = new Map<string, Buffer>();
  return (path, request, { "x-request-id": id, timeoutMs }, ended) => {
    const key = `${path} ${timeoutMs}`;
    const begin = begins.get(key) ?? headersOf(path, address, timeoutMs);
    begins.set(key, begin);
    lastStream += 2;
    calls.set(lastStream, { ended, overdueAtMs: performance.now() + timeoutMs + 500, body: [] });
    if (lost !== undefined) {
      setImmediate(end, lastStream, undefined, lost);
      return;
    }
    const requestId = encodeFields({ "x-request-id": id });
    const length = messageHead + request.length;
    const message = Buffer.alloc(messageHead);
    message.writeUInt32BE(request.length, 1);
    connection.send(length, [
      frameHead(begin.length + requestId.length, FrameType.HEADERS, Flag.END_HEADERS, lastStream),
      begin,
      requestId,
      frameHead(length, FrameType.DATA, Flag.END_STREAM, lastStream),
      message,
      request,
    ]);
  };
}

const read = new Set(["grpc-status", "grpc-message"]);

/** A message's flag and length (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), bytes. */
const messageHead = 5;

function headersOf(path: string, authority: string, timeoutMs: number): Buffer {
  const fields = encodeFields({
    ":method": "POST",
    ":scheme": "http",
    ":path": path,
    ":authority": authority,
    "content-type": "application/grpc",
    te: "trailers",
    "grpc-timeout": `${timeoutMs}m`,
  });
  // A server that wants no table is to be told, after it said so, that there is none.
  return Buffer.concat([encodeTableSize(0), fields]);
}
