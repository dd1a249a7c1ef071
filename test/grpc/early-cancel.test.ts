import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { Client, credentials, Metadata, status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { createPlace } from "../end-to-end/booking.js";
import { createScope } from "../support/scope.js";
import { createAuthority } from "./support/authority.js";
import { book } from "./support/booking-server.js";

const scope = createScope();
const same = (bytes: Buffer) => bytes;
const missing = "/pb.BookingService/NoSuchMethod";

type GiveUp = "deadline" | "cancel";

/** Calls a method that the server does not have, and cancels at about the time when the server answers. */
function callMissing(client: Client, giveUp: GiveUp, n: number): Promise<status | undefined> {
  return new Promise((resolve) => {
    const options = giveUp === "deadline" ? { deadline: Date.now() + (n % 4) } : {};
    const call = client.makeUnaryRequest(missing, same, same, Buffer.alloc(0), new Metadata(), options, (error) =>
      resolve(error?.code),
    );
    if (giveUp === "cancel") {
      if (n % 2 === 0) call.cancel();
      else setImmediate(() => call.cancel());
    }
  });
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Calls that are made and cancelled in the same packet, each on its own connection, which the server may close. */
async function callsInOnePacket(port: number, ca: Buffer | undefined, contentType: string): Promise<void> {
  const field = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
  const headers = { ":method": "POST", ":scheme": "https", ":path": missing, ":authority": "localhost" };
  const fields = Object.entries({ ...headers, "content-type": contentType, te: "trailers" });
  const block = Buffer.concat(fields.map(([name, value]) => field(name, value)));
  const [HEADERS, DATA, RST_STREAM, SETTINGS, END_STREAM, END_HEADERS] = [1, 0, 3, 4, 1, 4];
  for (let connection = 0; connection < 5; connection++) {
    const socket =
      ca === undefined
        ? connectTcp(port, "localhost")
        : connectTls({ port, host: "localhost", ca, ALPNProtocols: ["h2"] });
    socket.on("error", () => {}).resume();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await new Promise((resolve) => socket.once(ca === undefined ? "connect" : "secureConnect", resolve));
    socket.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(SETTINGS, 0, 0, Buffer.of())]));
    for (let stream = 1; stream < 600 && !socket.destroyed; stream += 4) {
      const call = (id: number) => [
        frame(HEADERS, END_HEADERS, id, block),
        frame(DATA, END_STREAM, id, Buffer.alloc(5)),
      ];
      const reset = frame(RST_STREAM, 0, stream + 2, Buffer.from([0, 0, 0, 8]));
      socket.write(Buffer.concat([...call(stream), ...call(stream + 2), reset]));
      if (stream % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    socket.end();
    await closed;
  }
}

test.each(["plaintext", "TLS"])("a client that cancels calls at once does no harm (%s)", async (transport) => {
  const { ca: authority, issue } = createAuthority(scope.tempDir());
  const ca = transport === "TLS" ? readFileSync(authority) : undefined;
  const { cert, key } = issue("server");
  const place = await createPlace(scope, ca === undefined ? {} : { SAGA_TLS_CERT: cert, SAGA_TLS_KEY: key });
  await place.startUpstreams();
  const server = await place.startServer();
  let ended = false;
  server.exited.then(() => {
    ended = true;
  });
  const address = place.env.SAGA_LISTEN ?? "";
  const channel = ca === undefined ? credentials.createInsecure() : credentials.createSsl(ca);

  const impatient = scope.use(new Client(address, channel));
  const codes = new Set<status | undefined>();
  for (const giveUp of ["deadline", "cancel"] as const) {
    for (let n = 0; n < 2_000; ) {
      // A few at a time, so that calls and their ends share packets.
      const batch = Array.from({ length: 8 }, () => callMissing(impatient, giveUp, n++));
      for (const code of await Promise.all(batch)) codes.add(code);
    }
  }
  // Node.js closes a connection with very many resets, and its calls end with INTERNAL; the client connects again.
  const ends = [status.UNIMPLEMENTED, status.DEADLINE_EXCEEDED, status.CANCELLED, status.INTERNAL, status.UNAVAILABLE];
  expect(ends).toEqual(expect.arrayContaining([...codes]));

  const port = Number(address.slice(address.lastIndexOf(":") + 1));
  for (const contentType of ["application/grpc", "text/html"]) await callsInOnePacket(port, ca, contentType);
  const patient = scope.use(new BookingServiceClient(address, channel));
  expect((await book(patient, { "x-request-id": "a" })).code).toBe(status.OK);
  expect(ended).toBe(false);
});
