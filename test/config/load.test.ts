import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type ConfigSources, checkConfig, loadConfig } from "../../runtime/config/load.js";
import { isSagaError } from "../../runtime/core/errors.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

/** A folder with this `app.yaml`. */
function folderWith(yaml: string): string {
  const folder = scope.tempDir();
  writeFileSync(join(folder, "app.yaml"), yaml);
  return folder;
}

/** The lines of the error for a configuration. */
function problems(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (isSagaError(error) && error.code === "SAGA_CONFIG_INVALID") {
      return error.message.split("\n").map((line) => line.trim());
    }
    throw error;
  }
  throw new Error("the configuration was accepted");
}

function load(yaml: string, more: Partial<ConfigSources> = {}) {
  const { env = {}, upstreams = [], defaults = {} } = more;
  return loadConfig({ env: { OCH_PATH: folderWith(yaml), ...env }, upstreams, defaults });
}

const order = "pb.OrderService";

describe("app.yaml", () => {
  test("is optional: every key has a default", () => {
    const config = loadConfig({ env: { OCH_PATH: scope.tempDir() }, upstreams: [] });
    expect(config).toEqual({
      listen: "localhost:10000",
      pod_id: hostname(),
      journal: {
        kind: "sqlite",
        retention_ms: 604_800_000,
        sqlite: { full_check: false },
        postgres: { schema: "protosaga", lease_ms: 15_000, pool_size: 8 },
      },
      broker: {
        kind: "embedded",
        kafka: {
          brokers: [],
          client_id: "protosaga",
          group_id: "protosaga",
          partitions: 12,
          replication_factor: 1,
          max_message_bytes: 8 * 1024 * 1024,
          session_timeout_ms: 30_000,
          tls: { enabled: false },
        },
      },
      topic_prefix: "",
      topic_concurrency: 64,
      topics: {},
      queue_limit: { async: 10_000, throttled: 1_000, megabytes: 256 },
      limits: {
        connections: 1_000,
        streams: 100,
        event_loop_delay_ms: 1_000,
        request_ms: 30_000,
        keepalive_ms: 300_000,
        idle_ms: 1_800_000,
      },
      data_dir: "./data",
      log_level: "info",
      shutdown_grace_ms: 10_000,
      upstreams: {},
    });
  });

  test.each(["", "# nothing yet\n", "---\n"])("may be empty: %j", (yaml) => {
    expect(load(yaml).listen).toBe("localhost:10000");
  });

  test("is read from OCH_PATH; missing keys get their defaults", () => {
    const yaml = `
listen: "[::1]:4711"
shutdown_grace_ms: 5
upstreams:
  ${order}:
    address: orders:1
    tls: { enabled: true, ca: ca.pem }
`;
    expect(load(yaml, { upstreams: [order] })).toMatchObject({
      listen: "[::1]:4711",
      shutdown_grace_ms: 5,
      data_dir: "./data",
      upstreams: { [order]: { address: "orders:1", tls: { enabled: true, ca: "ca.pem" }, keepalive_ms: 30_000 } },
    });
  });

  test("is read from the working directory if OCH_PATH is not set", () => {
    const here = process.cwd();
    process.chdir(folderWith("listen: here:1"));
    scope.defer(() => process.chdir(here));
    expect(loadConfig({ env: {}, upstreams: [] }).listen).toBe("here:1");
  });

  test("overrides the program's values key by key, and is overridden by the environment", () => {
    const upstreams = [order];
    const defaults = { listen: "program:1", data_dir: "program", upstreams: { [order]: { address: "program:2" } } };
    const yaml = `{ data_dir: file, log_level: warn, upstreams: { ${order}: { keepalive_ms: 7 } } }`;
    const config = load(yaml, { upstreams, defaults, env: { SAGA_LOG_LEVEL: "error" } });
    expect(config).toMatchObject({ listen: "program:1", data_dir: "file", log_level: "error" });
    expect(config.upstreams[order]).toMatchObject({ address: "program:2", keepalive_ms: 7 });
  });
});

describe("a wrong configuration", () => {
  test("without a file names the folder that was searched, and where to add missing values", () => {
    const folder = scope.tempDir();
    const said = problems(() => loadConfig({ env: { OCH_PATH: folder }, upstreams: [order] }));
    expect(said[0]).toContain(`${folder} has no app.yaml) has 1 error(s)`);
    expect(said[1]).toContain("set its address, host:port, in app.yaml or in SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS");
  });

  test("OCH_PATH must name a folder", () => {
    const folder = join(scope.tempDir(), "none");
    const said = problems(() => loadConfig({ env: { OCH_PATH: folder }, upstreams: [] }));
    expect(said).toEqual([`SAGA_CONFIG_INVALID: OCH_PATH is ${folder}, which is not a folder`]);
  });

  test("is reported with all errors together, by key", () => {
    const yaml = `
lisen: localhost:1
listen: localhost
log_level: loud
shutdown_grace_ms: true
data_dir: ""
tls: { cert: c.pem }
upstreams:
  ${order}: { address: "orders:99999", adress: x, keepalive_ms: -1, tls: { enabled: perhaps } }
  pb.Billing: {}
`;
    const env = { SAGA_POD_ID: "" };
    const said = problems(() => load(yaml, { env, upstreams: [order, "pb.PaymentService"] }));
    const expected = [
      /^\(whole\): .*"lisen"; known keys: listen, pod_id, .*upstreams/,
      /^listen: must be host:port$/,
      /^log_level: .*"info"/,
      /^pod_id \(set by SAGA_POD_ID\): /,
      /^data_dir: /,
      /^shutdown_grace_ms: .*number.*boolean/,
      /^tls\.key: /,
      /^upstreams\["pb\.OrderService"\]: .*"adress"; known keys: address, tls, keepalive_ms$/,
      /^upstreams\["pb\.OrderService"\]\.address: the port must be at most 65535$/,
      /^upstreams\["pb\.OrderService"\]\.keepalive_ms: /,
      /^upstreams\["pb\.OrderService"\]\.tls\.enabled: must be true or false$/,
      /^upstreams\["pb\.Billing"\]\.address: /,
      /^upstreams\["pb\.PaymentService"\]: .*host:port, in app\.yaml or in SAGA_UPSTREAMS_PB_PAYMENTSERVICE_ADDRESS$/,
    ];
    expect(said[0]).toMatch(/^SAGA_CONFIG_INVALID: .*app\.yaml and the environment\) has 13 error\(s\):$/);
    expect(said.slice(1)).toHaveLength(expected.length);
    for (const problem of expected) {
      expect(said).toContainEqual(expect.stringMatching(problem));
    }
  });

  test.each([
    ["an upstream without an address", "upstreams: { pb.OrderService: { keepalive_ms: 5 } }", "address"],
    ["an upstream that is missing", "", order],
  ])("names %s", (_, yaml, named) => {
    expect(problems(() => load(yaml, { upstreams: [order] })).join()).toContain(named);
  });

  test.each(["localhost", ":1", "localhost:", "local host:1", "http://localhost:1", "::1:80"])(
    "address %j is invalid",
    (listen) => {
      expect(problems(() => checkConfig({ listen }, { upstreams: [] })).slice(1)).toEqual([
        "listen: must be host:port",
      ]);
    },
  );

  test.each(["localhost:65536", "localhost:99999", "[::1]:1000000"])("address %j has an invalid port", (listen) => {
    expect(problems(() => checkConfig({ listen }, { upstreams: [] })).slice(1)).toEqual([
      "listen: the port must be at most 65535",
    ]);
  });

  test.each(["localhost:0", "10.0.0.1:65535", "[::1]:80", "my-host.example:443"])("address %j is valid", (listen) => {
    expect(checkConfig({ listen }, { upstreams: [] }).listen).toBe(listen);
  });

  test.each([0, -1, 1.5, 2 ** 31, "", " ", "1s", "NaN", true, null, [5], {}])("%j is not a duration", (value) => {
    const [, problem] = problems(() => checkConfig({ shutdown_grace_ms: value }, { upstreams: [] }));
    expect(problem).toMatch(/^shutdown_grace_ms: /);
  });

  test.each([
    ["forever", "forever"],
    ["1000", 1_000],
    [2_592_000_000, 2_592_000_000],
  ])("a journal may keep ended sagas for %j", (retention_ms, kept) => {
    expect(checkConfig({ journal: { retention_ms } }, { upstreams: [] }).journal.retention_ms).toBe(kept);
  });

  test.each([0, 999, -1, 1.5, "never", "7d", "", true, null])("%j is not a retention time", (retention_ms) => {
    const [, ...said] = problems(() => checkConfig({ journal: { retention_ms } }, { upstreams: [] }));
    expect(said).toEqual([
      'journal.retention_ms: must be a whole number of ms, from 1000 to 315360000000, or "forever"',
    ]);
  });

  test("that is not valid YAML is reported with its position", () => {
    const said = problems(() => load("listen: a:1\nupstreams: { pb.A: [\nlog_level: info\n"));
    expect(said[0]).toMatch(/app\.yaml is not valid YAML:$/);
    expect(said.join("\n")).toMatch(/at line \d+, column \d+/);
  });

  test("that has a key twice is not valid YAML", () => {
    expect(problems(() => load("listen: a:1\nlisten: b:1\n")).join()).toMatch(/unique.*line 2/i);
  });

  test.each(["localhost:10000", "[1, 2]", "42"])("whose file has no keys, but %j, is rejected", (yaml) => {
    const env = { SAGA_LISTEN: "localhost:1" };
    expect(problems(() => load(yaml, { env })).join()).toContain("app.yaml has no keys");
  });

  test("that can't be read is reported with its path", () => {
    const folder = scope.tempDir();
    mkdirSync(join(folder, "app.yaml"));
    const [said] = problems(() => loadConfig({ env: { OCH_PATH: folder }, upstreams: [] }));
    expect(said).toContain(join(folder, "app.yaml"));
    expect(said).toContain("EISDIR");
  });
});
