import { createServer } from "node:net";
import { expect, test } from "vitest";
import { createKafkaBroker } from "../../runtime/broker/kafka/kafka-broker.js";
import { testOptions } from "../support/kafka/adapter.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

test.each([
  ["the first frame of HTTP/2", Buffer.from("00001204000000000000020000000000030000000000040000ffff", "hex")],
  ["a length and then nonsense", Buffer.from("0000000cffffffffffffffffffffffff", "hex")],
  ["a line of text", Buffer.from("220 mail.example ESMTP\r\n")],
])("a broker address where something else answers %s is told as such, and ends nothing", async (_, bytes) => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => socket.write(bytes));
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  scope.defer(() => server.close());
  const at = server.address();
  const address = `localhost:${typeof at === "object" && at !== null ? at.port : 0}`;
  const observer = { failed() {}, lag() {}, buried() {} };
  const broker = createKafkaBroker(testOptions([address], { startTimeoutMs: 3_000 }), observer);
  scope.defer(() => broker.close());
  await expect(broker.start()).rejects.toMatchObject({
    code: "SAGA_BROKER_UNAVAILABLE",
    message: expect.stringContaining(address),
  });
});
