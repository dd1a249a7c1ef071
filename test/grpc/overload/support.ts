import { type ClientHttp2Session, connect } from "node:http2";
import { createServer, type Socket } from "node:net";
import { Flag, FrameType, headLength, preface, readHead } from "../../../runtime/grpc/overload/frames.js";
import type { Scope } from "../../support/scope.js";

/** A frame, as it stands on the wire. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A frame that was found on the wire. */
export interface Found {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** The whole frames in bytes that begin with one. */
export function framesIn(bytes: Buffer): Found[] {
  const found: Found[] = [];
  for (let at = 0; at + headLength <= bytes.length; ) {
    const { length, ...head } = readHead(bytes, at);
    at += headLength + length;
    if (at <= bytes.length) found.push({ ...head, payload: bytes.subarray(at - length, at) });
  }
  return found;
}

/** A server that says that it remembers no headers, and keeps what is sent to it. */
export async function startRecorder(
  scope: Scope,
): Promise<{ readonly session: ClientHttp2Session; readonly received: () => Buffer }> {
  const chunks: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", () => {});
    // HEADER_TABLE_SIZE 0, and what the client sends is acknowledged.
    socket.write(frame(FrameType.SETTINGS, 0, 0, Buffer.from([0, 1, 0, 0, 0, 0])));
    socket.write(frame(FrameType.SETTINGS, Flag.ACK, 0));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const session = connect(`http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`);
  session.on("error", () => {});
  scope.defer(() => {
    session.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
  return { session, received: () => Buffer.concat(chunks).subarray(preface.length) };
}
