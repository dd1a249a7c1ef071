import { connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { Flag, FrameType, headLength, noTableFrame, preface } from "../../../runtime/grpc/overload/frames.js";
import { GatedConnection } from "../../../runtime/grpc/overload/gated-connection.js";
import { createScope } from "../../support/scope.js";
import { until } from "../../support/until.js";
import { frame, framesIn } from "./support.js";

const scope = createScope();
const refusal = Buffer.alloc(400, "r");

/** Both ends of a connection; all calls but the first are refused. */
async function connection() {
  const server = createServer({ allowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const client = connect({ host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 });
  const [socket] = await Promise.all([
    new Promise<Socket>((resolve) => server.once("connection", resolve)),
    new Promise<void>((resolve) => client.once("connect", () => resolve())),
  ]);
  scope.defer(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  client.on("error", () => {});
  const gated = new GatedConnection(socket, { watches: () => true, refusal: () => refusal });
  client.write(Buffer.concat([preface, frame(FrameType.SETTINGS, Flag.ACK, 0), call(0)]));
  return { client, socket, gated };
}

function call(at: number): Buffer {
  return frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 2 * at + 1, Buffer.from(" block"));
}

function textOf(stream: { on(event: "data", listener: (chunk: Buffer) => void): unknown }): () => Buffer {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks);
}

test("a client that does not take its refusals is not read for more until it does", async () => {
  const { client, socket, gated } = await connection();
  gated.resume();
  client.pause();
  let sent = 1;
  let over = false;
  const sendOn = (): void => {
    const calls = Array.from({ length: 1_000 }, () => call(sent++));
    client.write(Buffer.concat(calls), () => {
      if (!over && sent < 500_000) sendOn();
    });
  };
  sendOn();
  await until(() => socket.isPaused(), { what: "the client not to be read" });
  over = true;
  let received = 0;
  client.on("data", (chunk: Buffer) => {
    received += chunk.length;
  });
  client.resume();
  await until(() => received === noTableFrame().length + (sent - 1) * (headLength + refusal.length), {
    what: "all refusals",
  });
  expect(socket.isPaused()).toBe(false);
});

test("refusals come between what the server writes, and what both say last arrives", async () => {
  const { client, gated } = await connection();
  const received = textOf(client);
  const passed = textOf(gated);
  const written = frame(FrameType.DATA, 0, 1, Buffer.alloc(3_000, "w"));
  for (let at = 1; at <= 50; at++) {
    client.write(call(at));
    gated.cork();
    gated.write(written.subarray(0, 9));
    gated.write(written.subarray(9));
    gated.uncork();
  }
  client.end(frame(0x6, 0, 0, Buffer.alloc(8)));
  await new Promise<void>((resolve) => gated.once("end", () => resolve()));
  gated.end(frame(0x7, 0, 0, Buffer.alloc(8)));
  await new Promise<void>((resolve) => client.once("close", () => resolve()));
  const types = framesIn(received()).map(({ type, stream }) => `${type}/${stream}`);
  expect(types.filter((type) => type === "0/1")).toHaveLength(50);
  expect(types.filter((type) => type.startsWith("1/"))).toHaveLength(50);
  expect(types.at(-1)).toBe("7/0");
  expect(framesIn(passed().subarray(preface.length)).map(({ type }) => type)).toEqual([0x1, 0x6]);
});

test("it reads nothing while it rests, and goes on where it was", async () => {
  const { client, socket, gated } = await connection();
  const passed = textOf(gated);
  await until(() => passed().length > preface.length, { what: "the first call" });
  gated.rest();
  const before = passed().length;
  client.write(frame(0x6, 0, 0, Buffer.alloc(8)));
  await new Promise<void>((resolve) => gated.write(frame(0x6, 0, 0, Buffer.alloc(8)), () => resolve()));
  expect([socket.isPaused(), passed().length]).toEqual([true, before]);
  gated.goOn();
  await until(() => passed().length === before + 17, { what: "what came meanwhile" });
});

test("a client that is reset ends the connection, without an error", async () => {
  const { client, gated } = await connection();
  const passed = textOf(gated);
  await until(() => passed().length > preface.length, { what: "the first call" });
  const closed = new Promise<void>((resolve, reject) => {
    gated.once("close", () => resolve());
    gated.once("error", reject);
  });
  client.resetAndDestroy();
  await closed;
});
