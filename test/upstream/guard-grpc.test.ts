import { Client, credentials, Server, ServerCredentials, type ServiceError, status } from "@grpc/grpc-js";
import {
  createBarrier,
  type EffectContext,
  guardService,
  loadedAnnotations,
  memoryDriver,
  Refusal,
} from "protosaga/upstream";
import { describe, expect, test } from "vitest";
import { ErrorInfo } from "../../runtime/pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../../runtime/pb/google/rpc/status.js";
import { callRaw } from "../grpc/support/raw-call.js";
import { describePostgres } from "../support/describe-postgres.js";
import { createScope } from "../support/scope.js";
import { libsqlPlace, type OpenPlace, postgresPlace } from "./support/place.js";
import { loadShop, type ShopMessage, shopDefinition } from "./support/shop.js";

const scope = createScope();
const shop = shopDefinition();
const annotations = loadedAnnotations(loadShop());

/** Runs the shop on a place. The name in the request says what its handlers do. */
async function startShop<Tx>(openPlace: OpenPlace<Tx>) {
  const place = await openPlace(scope);
  const errors: unknown[] = [];
  let runs = 0;
  const undone: unknown[] = [];
  const handler =
    (kind: string) =>
    ({ name }: ShopMessage, { tx, key = "", actionKey, action }: EffectContext<Tx>): ShopMessage => {
      if (kind === "release") undone.push({ actionKey, action });
      const run = ++runs;
      const wrote = place.note(tx, { key, kind });
      const answer = () => {
        if (name === "refuse") throw new Refusal("FAILED_PRECONDITION", "sold out", { details: Buffer.from([8, 9]) });
        if (name === "fail") throw new Error("a secret of the database");
        return { name: `${kind} ${name}, run ${run}` };
      };
      return wrote instanceof Promise ? (wrote.then(answer) as never) : answer();
    };
  const { definition, handlers } = guardService({
    barrier: place.barrier,
    definition: shop,
    annotations,
    effects: {
      Reserve: handler("reserve"),
      Hold: () => ({ hold_id: 9 }),
      Release: handler("release"),
      Charge: handler("charge"),
      Rename: handler("rename"),
    },
    others: {
      Look: ({ request }, callback) => callback(null, { name: `seen ${request.name}` }),
      Watch: (call) => {
        call.write({ name: `1 ${call.request.name}` });
        call.write({ name: `2 ${call.request.name}` });
        call.end();
      },
      Collect: (call, callback) => {
        const names: string[] = [];
        call.on("data", ({ name }) => names.push(name)).on("end", () => callback(null, { name: names.join("+") }));
      },
      Chat: (call) => {
        call.on("data", (message) => call.write(message)).on("end", () => call.end());
      },
    },
    keyOptional: ["Rename"],
    onError: (error) => errors.push(error),
  });
  const server = new Server();
  server.addService(definition, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  scope.defer(() => server.forceShutdown());
  const client = scope.use(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  /** The response's bytes. */
  const call = (method: keyof typeof shop, body: Uint8Array, key?: string) =>
    callRaw(client, shop[method].path, body, key === undefined ? {} : { "idempotency-key": key });
  return { place, client, call, errors, undone, runs: () => runs };
}

const named = (name: string) => shop.Reserve.requestSerialize({ name });
const nameIn = (bytes: Buffer) => shop.Reserve.responseDeserialize(bytes).name;
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.fail("the call succeeded"),
    (error: ServiceError) => {
      const [details] = error.metadata.get("grpc-status-details-bin");
      return { code: error.code, message: error.details, details: Buffer.from(details ?? "") };
    },
  );
const reasonIn = (details: Buffer) =>
  RpcStatus.decode(details).details.map(({ value }) => ErrorInfo.decode(value).reason);

function describeGuard<Tx>(openPlace: OpenPlace<Tx>): void {
  test("a step's repeat gets the first response's very bytes", async () => {
    const { place, call, runs } = await startShop(openPlace);
    const first = await call("Reserve", named("a"), "x/reserve");
    expect(nameIn(first)).toBe("reserve a, run 1");
    expect(await call("Reserve", named("a"), "x/reserve")).toEqual(first);
    expect(await call("Charge", named("a"), "x/charge").then(nameIn)).toBe("charge a, run 2");
    expect(runs()).toBe(2);
    expect(await place.effects()).toHaveLength(2);
  });

  test("a step refused after its saga's pivot runs again when it is repeated", async () => {
    const { place, client } = await startShop(openPlace);
    const charge = (name: string) =>
      callRaw(client, shop.Charge.path, named(name), { "idempotency-key": "x/charge", "saga-retriable": "true" });
    expect(await failure(charge("refuse"))).toMatchObject({ code: status.FAILED_PRECONDITION, message: "sold out" });
    expect(nameIn(await charge("a"))).toBe("charge a, run 2");
    expect(await place.effects()).toHaveLength(1);
  });

  test("the option makes an RPC a compensation: it compensates, or blocks an action that comes late", async () => {
    const { place, call } = await startShop(openPlace);
    await call("Reserve", named("a"), "x/reserve");
    const undone = await call("Release", named("a"), "x/reserve/compensate");
    expect(await call("Release", named("a"), "x/reserve/compensate")).toEqual(undone);

    const early = await failure(call("Release", named("a"), "y/reserve/compensate"));
    expect(early).toMatchObject({ code: status.NOT_FOUND });
    expect(reasonIn(early.details)).toEqual(["SAGA_NOTHING_TO_UNDO"]);
    const late = await failure(call("Reserve", named("a"), "y/reserve"));
    expect(late).toMatchObject({ code: status.ABORTED });
    expect(reasonIn(late.details)).toEqual(["SAGA_ACTION_BLOCKED"]);
    expect(await failure(call("Release", named("a"), "y/reserve/compensate"))).toEqual(early);
    expect((await place.effects()).map(({ key }) => key)).toEqual(["x/reserve", "x/reserve/compensate"]);
  });

  test("a compensation receives its action's response", async () => {
    const { call, undone } = await startShop(openPlace);
    await call("Reserve", named("a"), "x/reserve");
    await call("Hold", named("a"), "x/hold");
    await failure(call("Reserve", named("refuse"), "y/reserve"));
    // The requests don't depend on the answers, as if these were lost.
    await call("Release", named(""), "x/reserve/compensate");
    await call("Release", named(""), "x/hold/compensate");
    await call("Release", named(""), "y/reserve/compensate");
    await call("Release", named(""), "by-hand");
    expect(undone).toEqual([
      { actionKey: "x/reserve", action: { name: "Reserve", response: { name: "reserve a, run 1" } } },
      { actionKey: "x/hold", action: { name: "Hold", response: { hold_id: 9 } } },
      { actionKey: "y/reserve", action: undefined },
      { actionKey: undefined, action: undefined },
    ]);
  });

  test("a step called with a compensation's key is rejected, and does not block the compensation", async () => {
    const { call, runs } = await startShop(openPlace);
    const refused = await failure(call("Reserve", named("a"), "x/reserve/compensate"));
    expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(reasonIn(refused.details)).toEqual(["SAGA_KEY_INVALID"]);
    expect(runs()).toBe(0);
    await call("Reserve", named("a"), "x/reserve");
    await call("Release", named("a"), "x/reserve/compensate");
  });

  test("a refusal is returned with its details at each repeat, and is compensated if compensate_on_failure is set", async () => {
    const { place, call, errors } = await startShop(openPlace);
    const refused = await failure(call("Reserve", named("refuse"), "x/reserve"));
    expect(refused).toEqual({ code: status.FAILED_PRECONDITION, message: "sold out", details: Buffer.from([8, 9]) });
    expect(await failure(call("Reserve", named("refuse"), "x/reserve"))).toEqual(refused);
    expect(await place.effects()).toEqual([]);
    expect(errors, "a refusal is no error").toEqual([]);
    // Reserve says `compensate_on_failure`.
    expect(await call("Release", named("a"), "x/reserve/compensate").then(nameIn)).toBe("release a, run 2");
  });

  test("an error in a handler is reported to the service and not to the client; nothing is stored", async () => {
    const { place, call, errors } = await startShop(openPlace);
    const failed = await failure(call("Reserve", named("fail"), "x/reserve"));
    expect(failed).toMatchObject({ code: status.INTERNAL, message: "internal error" });
    expect(errors).toEqual([new Error("a secret of the database")]);
    expect(await place.keys()).toEqual([]);
  });

  test("unknown fields count: a repeat must have the same bytes", async () => {
    const { call } = await startShop(openPlace);
    const newer = Buffer.concat([named("a"), Buffer.from([0x98, 0x06, 0x01])]);
    await call("Reserve", newer, "x/reserve");
    await call("Reserve", newer, "x/reserve");
    const taken = await failure(call("Reserve", named("a"), "x/reserve"));
    expect(taken).toMatchObject({ code: status.ALREADY_EXISTS });
    expect(reasonIn(taken.details)).toEqual(["SAGA_KEY_TAKEN"]);
  });

  test("a call without a key is rejected with a fix, or takes effect each time if the RPC is in keyOptional", async () => {
    const { place, call, runs } = await startShop(openPlace);
    const missing = await failure(call("Reserve", named("a")));
    expect(missing.message).toMatch(/^missing metadata idempotency-key; send/);
    expect(missing.code).toBe(status.INVALID_ARGUMENT);
    expect(reasonIn(missing.details)).toEqual(["SAGA_KEY_MISSING"]);
    expect(await failure(call("Reserve", named("a"), "k".repeat(1025)))).toMatchObject({ code: 3 });
    expect(runs()).toBe(0);
    await call("Rename", named("a"));
    await call("Rename", named("a"));
    await call("Rename", named("a"), "k");
    await call("Rename", named("a"), "k");
    expect(await place.effects()).toHaveLength(3);
  });
}

describe("a guarded service on SQLite", () => {
  describeGuard(libsqlPlace);

  test("reads and streams pass through, with a key or without", async () => {
    const { place, client, call } = await startShop(libsqlPlace);
    expect(await call("Look", named("a")).then(nameIn)).toBe("seen a");
    expect(await call("Look", named("b"), "x/look").then(nameIn)).toBe("seen b");
    const { Watch, Collect, Chat } = shop;
    const watching = client.makeServerStreamRequest(Watch.path, Watch.requestSerialize, Watch.responseDeserialize, {
      name: "a",
    });
    const seen: unknown[] = [];
    for await (const message of watching) seen.push(message);
    expect(seen).toEqual([{ name: "1 a" }, { name: "2 a" }]);
    const collected = new Promise((resolve, reject) => {
      const sending = client.makeClientStreamRequest(
        Collect.path,
        Collect.requestSerialize,
        Collect.responseDeserialize,
        (error, message) => (error === null ? resolve(message) : reject(error)),
      );
      sending.write({ name: "a" });
      sending.write({ name: "b" });
      sending.end();
    });
    expect(await collected).toEqual({ name: "a+b" });
    const chat = client.makeBidiStreamRequest(Chat.path, Chat.requestSerialize, Chat.responseDeserialize);
    chat.write({ name: "hello" });
    chat.end();
    const said: unknown[] = [];
    for await (const message of chat) said.push(message);
    expect(said).toEqual([{ name: "hello" }]);
    expect(await place.keys()).toEqual([]);
  });
});

describePostgres("a guarded service on PostgreSQL", () => describeGuard(postgresPlace()));

test("a guarded service that is added with another definition reports the error", async () => {
  const handler = ({ name }: ShopMessage) => ({ name });
  const unary = () => {};
  const { handlers } = guardService({
    barrier: createBarrier(memoryDriver()),
    definition: shop,
    annotations,
    effects: { Reserve: handler, Hold: () => ({ hold_id: 1 }), Release: handler, Charge: handler },
    others: { Look: unary, Rename: unary, Watch: unary, Collect: unary, Chat: unary },
    onError: () => {},
  });
  const server = new Server();
  server.addService(shop as never, handlers as never);
  const port = await new Promise<number>((resolve) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_, bound) => resolve(bound)),
  );
  scope.defer(() => server.forceShutdown());
  const client = scope.use(new Client(`127.0.0.1:${port}`, credentials.createInsecure()));
  const failed = await failure(callRaw(client, shop.Reserve.path, named("a"), { "idempotency-key": "x/reserve" }));
  expect(failed.message).toContain("the definition that guardService returned");
});
