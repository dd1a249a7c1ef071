import { expect, test } from "vitest";
import { describePostgres } from "../support/describe-postgres.js";
import { startProxy } from "../support/proxy.js";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createPlace } from "./booking.js";
import { allEnded, createPods } from "./pods.js";

const scope = createScope();

describePostgres("a server that is to leave while its database gives no answer", () => {
  test("ends within its grace; what it leaves is carried on by the next", async () => {
    const place = await createPlace(scope);
    await place.startUpstreams();
    const pods = await createPods(scope, place);
    const pod = await pods.pod("a");
    const url = new URL(pod.env.SAGA_JOURNAL_POSTGRES_URL ?? "");
    const proxy = scope.use(await startProxy(Number(url.port || 5432)));
    url.hostname = "127.0.0.1";
    url.port = String(proxy.port);
    const env = { ...pod.env, SAGA_JOURNAL_POSTGRES_URL: url.href, SAGA_SHUTDOWN_GRACE_MS: "2000" };
    const server = scope.start("examples/booking/main.ts", { env });
    await server.line("ready on");
    expect(await pod.book("done", { mode: "async" })).toMatchObject({ code: 0 });
    await allEnded(pods);
    proxy.freeze();
    const waiting = pod.book("waits", { mode: "sync" });
    expect(await server.stop("SIGTERM")).toEqual({ code: 0, signal: null });
    expect(server.stderr()).toContain("at the end of the grace");
    expect((await waiting).code, "its saga could not begin").not.toBe(0);
    proxy.thaw();
    const next = await pod.start();
    // The client's channel has yet to notice that there is a server again.
    await until(async () => (await pod.book("more", { mode: "sync" })).code === 0, { what: "a booking at the next" });
    await allEnded(pods);
    const standing = place.ledgers().payments.entries.filter(({ status }) => status === "created");
    expect(standing.map(({ requestId }) => requestId).sort()).toEqual(["done", "more"]);
    await next.stop("SIGTERM");
  });
});
