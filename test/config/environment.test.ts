import { describe, expect, test } from "vitest";
import { applyEnvironment, configPaths, environmentName, strayVariables } from "../../runtime/config/environment.js";
import { checkConfig, loadConfig } from "../../runtime/config/load.js";
import { createScope } from "../support/scope.js";

const scope = createScope();
const order = "pb.OrderService";
const names = { upstreams: [order], topics: ["create_order"] };
const paths = configPaths(names);

/** By the last part of a key: a text for its variable, and the resulting value, which differs from the default. */
const values: Readonly<Record<string, readonly [text: string, value: unknown]>> = {
  listen: ["0.0.0.0:1", "0.0.0.0:1"],
  pod_id: ["pod-7", "pod-7"],
  data_dir: ["/var/saga", "/var/saga"],
  log_level: ["trace", "trace"],
  shutdown_grace_ms: ["123", 123],
  cert: ["other-cert.pem", "other-cert.pem"],
  key: ["other-key.pem", "other-key.pem"],
  client_ca: ["other-ca.pem", "other-ca.pem"],
  address: ["orders:2", "orders:2"],
  enabled: ["true", true],
  ca: ["other-ca.pem", "other-ca.pem"],
  keepalive_ms: ["456", 456],
  topic_prefix: ["shop.", "shop."],
  topic_concurrency: ["7", 7],
  concurrency: ["8", 8],
  async: ["9", 9],
  throttled: ["10", 10],
  megabytes: ["11", 11],
  connections: ["15", 15],
  streams: ["16", 16],
  event_loop_delay_ms: ["17", 17],
  request_ms: ["18", 18],
  idle_ms: ["19", 19],
  completion_topic: ["done", "done"],
  brokers: ["k1:1, k2:2", ["k1:1", "k2:2"]],
  client_id: ["c", "c"],
  group_id: ["g", "g"],
  partitions: ["13", 13],
  replication_factor: ["3", 3],
  max_message_bytes: ["5000", 5_000],
  session_timeout_ms: ["789", 789],
  mechanism: ["scram-sha-512", "scram-sha-512"],
  username: ["ann", "ann"],
  password: ["secret", "secret"],
  url: ["postgres://other", "postgres://other"],
  schema: ["sagas", "sagas"],
  lease_ms: ["14", 14],
  pool_size: ["13", 13],
  retention_ms: ["forever", "forever"],
  full_check: ["on", true],
};

const kinds: typeof values = { broker: ["kafka", "kafka"], journal: ["postgres", "postgres"] };

/** A configuration in which every key can be set. */
const base = {
  broker: { kafka: { brokers: ["k:1"], sasl: { mechanism: "plain" as const, username: "u", password: "p" } } },
  journal: { postgres: { url: "postgres://x" } },
  tls: { cert: "cert.pem", key: "key.pem" },
  upstreams: { [order]: { address: "orders:1" } },
};

function at(config: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      (typeof inner === "object" && inner !== null ? Object.entries(inner) : []).find(([k]) => k === key)?.[1],
    config,
  );
}

describe("the environment", () => {
  test.each(paths.map((path) => [environmentName(path), path] as const))(
    "%s sets its key, and no other",
    (name, path) => {
      const [text, value] = (path.at(-1) === "kind" ? kinds[path[0] ?? ""] : values[path.at(-1) ?? ""]) ?? [
        "",
        undefined,
      ];
      const before = checkConfig(base, names);
      expect(at(before, path)).not.toEqual(value);
      const env = { OCH_PATH: scope.tempDir(), [name]: text };
      const after = loadConfig({ env, ...names, defaults: base });
      expect(at(after, path)).toEqual(value);
      for (const other of paths.filter((candidate) => candidate !== path)) {
        expect(at(after, other), other.join(".")).toEqual(at(before, other));
      }
    },
  );

  test("has one variable for every key", () => {
    expect(paths).toHaveLength(49);
    expect(new Set(paths.map(environmentName)).size).toBe(paths.length);
  });

  test.each([
    [["upstreams", "pb.OrderService", "address"], "SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS"],
    [["shutdown_grace_ms"], "SAGA_SHUTDOWN_GRACE_MS"],
    [["tls", "client_ca"], "SAGA_TLS_CLIENT_CA"],
  ])("names %j %s", (path, name) => {
    expect(environmentName(path)).toBe(name);
  });

  test.each([
    [{ POD_ID: "a" }, "a"],
    [{ POD_ID: "a", SAGA_POD_ID: "b" }, "b"],
  ])("%j names the pod %s", (env, pod) => {
    const OCH_PATH = scope.tempDir();
    expect(loadConfig({ env: { OCH_PATH, ...env }, upstreams: [], defaults: { pod_id: "c" } }).pod_id).toBe(pod);
  });

  test("has aliases for variables that other programs use", () => {
    const env = { OCH_PATH: scope.tempDir(), PG_URL: "postgres://a", KAFKA_BROKERS: "k1:1,k2:2" };
    const { journal, broker } = loadConfig({ env, upstreams: [] });
    expect(journal.postgres.url).toBe("postgres://a");
    expect(broker.kafka.brokers).toEqual(["k1:1", "k2:2"]);
  });

  test("alone is enough for an upstream", () => {
    const env = {
      OCH_PATH: scope.tempDir(),
      SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: "orders:1",
      SAGA_UPSTREAMS_PB_ORDERSERVICE_TLS_ENABLED: "yes",
    };
    expect(loadConfig({ env, upstreams: [order] }).upstreams).toEqual({
      [order]: { address: "orders:1", tls: { enabled: true }, keepalive_ms: 30_000 },
    });
  });

  test.each([
    ["true", true],
    ["1", true],
    ["no", false],
    ["off", false],
  ])("reads %j as a boolean", (text, value) => {
    const env = { SAGA_UPSTREAMS_PB_ORDERSERVICE_TLS_ENABLED: text };
    const config = checkConfig(applyEnvironment(base, env, names), names);
    expect(config.upstreams[order]?.tls.enabled).toBe(value);
  });

  test("reports variables that look like keys but set none", () => {
    const env = {
      SAGA_LISTNE: "x:1",
      SAGA_LISTEN: "x:1",
      SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS: "x:1",
      SAGA_UPSTREAMS_PB_OTHERSERVICE_ADDRESS: "x:1",
      SAGA_TOPICS_OTHER_CONCURRENCY: "1",
      PG_URL: "x",
      PATH: "x",
    };
    expect(strayVariables(env, names)).toEqual(["SAGA_LISTNE"]);
  });

  test("changes nothing else", () => {
    expect(applyEnvironment(base, { SAGA_OTHER: "x", LISTEN: "y:1" }, names)).toBe(base);
  });
});
