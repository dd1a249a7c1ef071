import { connect } from "node:http2";
import { status } from "@grpc/grpc-js";

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

/**
 * Connects. Calls are made of HTTP/2's streams themselves: a client of grpc-js takes two or three times the processor time
 * for each, and with shared cores that is what would be measured.
 */
export async function connectRaw(address: string): Promise<RawCall> {
  const session = connect(`http://${address}`);
  await new Promise<void>((resolve, reject) => {
    session.once("connect", () => resolve());
    session.once("error", reject);
  });
  session.on("error", () => {}); // Each stream is told, too.

  return (path, request, { "x-request-id": id, timeoutMs }, ended) => {
    let code: status | undefined;
    let details = "";
    let body: Buffer = Buffer.alloc(0);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "grpc-timeout": `${timeoutMs}m`,
      "x-request-id": id,
    });
    const learn = (headers: Readonly<Record<string, unknown>>) => {
      if (headers["grpc-status"] === undefined) return;
      code = Number(headers["grpc-status"]);
      details = decodeURI(String(headers["grpc-message"] ?? ""));
    };
    // The server keeps the deadline; this is for one that hangs.
    const timer = setTimeout(() => {
      code ??= status.DEADLINE_EXCEEDED;
      stream.close();
    }, timeoutMs + 500);
    stream.on("response", learn);
    stream.on("trailers", learn);
    stream.on("data", (part: Buffer) => {
      body = body.length === 0 ? part : Buffer.concat([body, part]);
    });
    stream.on("error", (error) => {
      details ||= error.message;
    });
    stream.on("close", () => {
      clearTimeout(timer);
      ended({ code: code ?? status.UNAVAILABLE, details, body: body.subarray(frameHead) });
    });
    stream.end(framed(request));
  };
}

/** A message's flag and length (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md), bytes. */
const frameHead = 5;

function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(frameHead + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, frameHead);
  return frame;
}
