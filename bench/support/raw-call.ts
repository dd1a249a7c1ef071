import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { RawConnection } from "./raw-connection.js";
import { decodeFields, encodeFields, encodeTableSize } from "./raw-hpack.js";

/** How a call ended. */
export interface RawAnswer {
  readonly code: status;
  readonly details: string;
  /** The response's bytes; empty if there is none. */
  readonly body: Buffer;
}

/** Makes unary calls of gRPC over one connection. */
export interface RawClient {
  call(path: string, request: Uint8Array, headers: RawHeaders, ended: (answer: RawAnswer) => void): void;
  /** Whether a call would leave at once, and not wait for a free stream. */
  readonly hasFreeStream: boolean;
}

/** What a call sends besides its request. */
export interface RawHeaders {
  readonly "x-request-id": string;
  /** ms; also sent to the server. */
  readonly timeoutMs: number;
}

interface Call {
  readonly ended: (answer: RawAnswer) => void;
  readonly overdueAtMs: number;
  readonly body: Buffer[];
  /** Undefined while the call waits for one. */
  stream: number | undefined;
}

/**
 * Connects. It writes HTTP/2 frames itself. A grpc-js client takes ten times the processor time for each call, and
 * Node's HTTP/2 five times; with shared cores, that would be most of what is measured.
 */
export async function connectRaw(address: string): Promise<RawClient> {
  const at = address.lastIndexOf(":");
  const socket = connect(Number(address.slice(at + 1)), address.slice(0, at));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  const calls = new Set<Call>();
  const byStream = new Map<number, Call>();
  const connection = new RawConnection(socket, {
    data(stream, payload) {
      byStream.get(stream)?.body.push(payload);
    },
    headers(stream, block, last) {
      if (last) end(byStream.get(stream), decodeFields(block, read));
    },
    reset: (stream) => end(byStream.get(stream), undefined, "the stream was reset"),
    lost: (why) => {
      lost = why;
      for (const call of [...calls]) end(call, undefined, why);
    },
  });
  let lost: string | undefined;

  function end(call: Call | undefined, fields: ReadonlyMap<string, string> | undefined, why = "no status"): void {
    // A reset may arrive after the end.
    if (call === undefined || !calls.delete(call)) return;
    if (call.stream !== undefined) byStream.delete(call.stream);
    call.ended({
      code: Number(fields?.get("grpc-status") ?? status.UNAVAILABLE),
      details: decodeURI(fields?.get("grpc-message") ?? (fields === undefined ? why : "")),
      body: Buffer.concat(call.body).subarray(messageHead),
    });
  }

  // The server enforces the deadline. This is for a server that hangs.
  const watch = setInterval(() => {
    const now = performance.now();
    for (const call of calls) {
      if (now > call.overdueAtMs) {
        if (call.stream !== undefined) connection.cancel(call.stream);
        end(call, undefined, "no answer came in time");
      }
    }
  }, 500);
  watch.unref();

  const begins = new Map<string, Buffer>();
  return {
    get hasFreeStream() {
      return connection.hasFreeStream;
    },
    call(path, request, { "x-request-id": id, timeoutMs }, ended) {
      const key = `${path} ${timeoutMs}`;
      const begin = begins.get(key) ?? headersOf(path, address, timeoutMs);
      begins.set(key, begin);
      const call: Call = { ended, overdueAtMs: performance.now() + timeoutMs + 500, body: [], stream: undefined };
      calls.add(call);
      if (lost !== undefined) {
        setImmediate(end, call, undefined, lost);
        return;
      }
      const message = Buffer.alloc(messageHead);
      message.writeUInt32BE(request.length, 1);
      connection.send({
        headers: [begin, encodeFields({ "x-request-id": id })],
        body: [message, request],
        began(stream) {
          call.stream = stream;
          byStream.set(stream, call);
        },
      });
    },
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
  // A server that allows no table expects an update of the table size to 0.
  return Buffer.concat([encodeTableSize(0), fields]);
}
