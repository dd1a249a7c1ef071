import { AsyncResource } from "node:async_hooks";
import { type ClientHttp2Session, connect, createServer } from "node:http2";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { makeRequestsLean } from "../../runtime/grpc/lean-requests.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

makeRequestsLean();
// Twice is once.
makeRequestsLean();

test("a request that is over leaves with the young generation; one made before the session connects works, too", async () => {
  const server = createServer((_, response) => response.end("hello"));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  scope.defer(() => server.close());
  const address = server.address();
  const session = connect(`http://localhost:${typeof address === "object" ? address?.port : ""}`);
  scope.defer(() => session.destroy());
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as (how?: { type: "minor" }) => void;

  expect(session.connecting).toBe(true);
  expect(await get(session)).toBe("hello");
  gc();
  const before = process.memoryUsage().heapUsed;
  const requests = 500;
  for (let n = 1; n <= requests; n++) {
    await get(session);
    if (n % 100 === 0) gc({ type: "minor" });
  }
  // Bound as Node does it, a request leaves more than five kB.
  expect((process.memoryUsage().heapUsed - before) / requests, "bytes of a request").toBeLessThan(2_500);
});

test("what the program itself binds is bound as ever", () => {
  const resource = new AsyncResource("test");
  const bound = resource.bind(function (this: { x: number }, a: number, b: number) {
    return this.x + a + b;
  });
  expect(bound.call({ x: 1 }, 2, 3)).toBe(6);
  expect(bound.length).toBe(2);
  expect(() => resource.bind(undefined as never)).toThrow(expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }));
});

function get(session: ClientHttp2Session): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = session.request({ ":path": "/" });
    let text = "";
    request.setEncoding("utf8");
    request.on("data", (part: string) => {
      text += part;
    });
    request.on("end", () => resolve(text));
    request.on("error", reject);
  });
}
