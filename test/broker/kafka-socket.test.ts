import { createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { openSocket } from "../../runtime/broker/kafka/socket.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test("a connection that has ended gathers no listeners, however often it is let go of", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.defer(() => server.close());
  const at = server.address();
  const port = typeof at === "object" && at !== null ? at.port : 0;
  const socket = await new Promise<Socket>((resolve) => {
    const opened = openSocket({ host: "127.0.0.1", port, ssl: undefined, onConnect: () => resolve(opened) });
  });
  expect(socket.unref()).toBe(socket);
  socket.destroy();
  const before = socket.listenerCount("connect");
  for (let times = 0; times < 20; times++) {
    expect(socket.unref()).toBe(socket);
  }
  expect(socket.listenerCount("connect")).toBe(before);
});
