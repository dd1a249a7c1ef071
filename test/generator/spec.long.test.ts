import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { tripProto } from "./merge-fixture.js";
import { pluginCommand } from "./support/plugin.js";
import { createWorkspace, root, type Workspace } from "./support/workspace.js";

const run = promisify(execFile);
const spec = "gen/spec/trip/trip-service/book.test.ts";
const node = "gen/node/trip/trip-service/book.ts";
const sample = "gen/node/trip/trip-service/book.sample.ts";

function template(options: string): string {
  return `version: v2
inputs:
  - directory: proto
    exclude_paths: [proto/saga]
plugins:
  - local: [node, ${JSON.stringify(join(root, "node_modules/ts-proto/protoc-gen-ts_proto"))}]
    out: gen/pb
    strategy: all
    opt: [outputServices=grpc-js, env=node, esModuleInterop=true, importSuffix=.js, forceLong=bigint,
      oneof=unions-value, useExactTypes=false, outputIndex=false, annotateFilesWithVersion=false]
  - local: [${pluginCommand.join(", ")}]
    out: gen
    strategy: all
    opt: [${options}]
`;
}

/** A project as a user has it, with protosaga among its packages. */
function createProject(options: string): Workspace {
  const workspace = createWorkspace({
    "proto/trip.proto": tripProto(["flight", "hotel"]),
    "buf.gen.yaml": template(options),
    "package.json": '{"type": "module"}',
    // A user's runner takes the package's built files; this is one with its sources.
    "vitest.config.js": `const conditions = ["@protosaga/source"];
export default { resolve: { conditions }, ssr: { resolve: { conditions } } };\n`,
  });
  const modules = join(workspace.directory, "node_modules");
  mkdirSync(modules);
  for (const name of readdirSync(join(root, "node_modules")).filter((name) => !name.startsWith("."))) {
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  return workspace;
}

/** A stub as a user fills it in. */
function filledIn(stub: string): string {
  return stub
    .replace('todo("price: int64")', "7n")
    .replaceAll("compensate: ({ received })", "compensate: ({ sent, received })")
    .replace(/todo\("late if the answer was lost[^"]*"\)/, "false")
    .replaceAll(/todo\("\w+ if the answer was lost[^"]*"\)/g, "sent.requestId");
}

describe("the specs that buf generate writes", { timeout: 120_000 }, () => {
  let workspace: Workspace | undefined;
  afterEach(() => workspace?.remove());

  async function said(command: string, ...args: readonly string[]): Promise<{ ok: boolean; text: string }> {
    const env = { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" };
    for (const name of Object.keys(env).filter((name) => name.startsWith("VITEST") || name === "NODE_OPTIONS")) {
      delete env[name as keyof typeof env];
    }
    try {
      const { stdout, stderr } = await run(command, args, { cwd: workspace?.directory ?? "", env });
      return { ok: true, text: stdout + stderr };
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      return { ok: false, text: stdout + stderr };
    }
  }
  const vitest = () => said(join(root, "node_modules/.bin/vitest"), "run");

  it("run on the user's nodes as they are, and with the user's own sample", async () => {
    workspace = createProject("stubs_dir=gen/node, spec=vitest");
    const { directory, buf, write } = workspace;
    const read = (path: string) => readFileSync(join(directory, path), "utf8");
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });

    const unfilled = await vitest();
    expect(unfilled.ok).toBe(false);
    expect(unfilled.text).toMatch(
      /SAGA_NODE_TODO: 4 todos are left in .*(\n +gen\/node.*if the answer was lost.*){3}\n +gen\/node.*book\.ts:\d+: todo\("price: int64"\)/,
    );

    const mine = filledIn(read(node)).replace(/^import \{ todo \}.*\n/m, "");
    expect(mine).not.toContain("todo");
    write({ [node]: mine });
    const filled = await vitest();
    expect(filled.text).toMatch(/Tests +25 passed/);

    const choosy = mine.replace(
      "request: ({ request }) => ({",
      '$&\n    ...(request.traveller === "Ada" ? {} : refuse()),',
    );
    expect(choosy).not.toBe(mine);
    write({ [node]: `${choosy}\nfunction refuse(): never {\n  throw new Error("who is that?");\n}\n` });
    const refused = await vitest();
    expect(refused.text).toContain("the nodes don't take the sample");
    expect(refused.text).toContain("flight.request threw Error: who is that?");

    const own = read(sample).replace("= {};", '= { request: { requestId: "r", traveller: "Ada" } };');
    write({ [sample]: own });
    expect((await vitest()).text).toMatch(/Tests +25 passed/);
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });
    expect(read(sample), "what the user wrote stays").toBe(own);
  });

  it("run under Node's own test runner", async () => {
    workspace = createProject("stubs_dir=gen/node, spec=node");
    const { directory, buf } = workspace;
    expect(await buf("generate")).toMatchObject({ code: 0, stderr: "" });
    const mine = filledIn(readFileSync(join(directory, node), "utf8"));
    writeFileSync(join(directory, node), mine);
    const args = ["--conditions=@protosaga/source", "--import", "tsx", "--test", "--test-reporter=spec", spec];
    const { text } = await said("node", ...args);
    expect(text).toMatch(/pass 25\n/);
    expect(text).toMatch(/fail 0\n/);
  });

  it("are not written by default", async () => {
    workspace = createProject("stubs_dir=gen/node");
    expect(await workspace.buf("generate")).toMatchObject({ code: 0, stderr: "" });
    expect(existsSync(join(workspace.directory, node))).toBe(true);
    expect(existsSync(join(workspace.directory, "gen/spec"))).toBe(false);
    expect(existsSync(join(workspace.directory, sample))).toBe(false);
  });
});
