import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";
import { createScope } from "../support/scope.js";

const scope = createScope();

interface Room {
  /** Where a file of the room may stand. */
  readonly file: string;
  readonly refused: readonly string[];
  readonly allowed: readonly string[];
}

const runtime = (room: string) => `../${room}/x.js`;
const generated = "../../generated/pb/x.js";
const generator = "../../generator/model.js";
const outside = ["../../runtime/core/errors.js", "protosaga", generated];

const rooms: readonly Room[] = [
  {
    file: "chaos/x.ts",
    refused: ["../runtime/engine/x.js", "../generator/model.js", "../bench/support/x.js"],
    allowed: ["../runtime/pb/x.js", "../generated/pb/x.js", "../test/support/until.js"],
  },
  {
    file: "runtime/core/x.ts",
    refused: [
      ...["facade", "journal", "broker", "engine", "operate", "grpc", "pb"].map(runtime),
      "node:fs",
      "zod",
      generated,
    ],
    allowed: ["./plan.js"],
  },
  {
    file: "runtime/facade/x.ts",
    refused: ["protosaga", ...["journal", "broker", "engine", "operate", "grpc"].map(runtime), generated, generator],
    allowed: ["../core/plan.js", "./codec.js"],
  },
  {
    file: "runtime/config/x.ts",
    refused: [
      ...["facade", "journal", "broker", "engine", "operate", "grpc"].map(runtime),
      ...[generated, generator, "../index.js"],
    ],
    allowed: ["../core/errors.js", "./schema.js", "zod"],
  },
  {
    file: "runtime/journal/x.ts",
    refused: ["protosaga", ...["broker", "engine", "operate", "grpc"].map(runtime), generated, generator],
    allowed: ["../core/plan.js", "../pb/x.js", "node:fs", "libsql"],
  },
  {
    file: "runtime/journal/sqlite/x.ts",
    refused: ["../../broker/broker.js", "../../engine/ports.js", "../../../generated/pb/x.js"],
    allowed: ["../../core/plan.js", "../journal.js"],
  },
  {
    file: "runtime/broker/x.ts",
    refused: ["protosaga", ...["engine", "operate", "grpc"].map(runtime), generated, generator],
    allowed: ["../journal/journal.js", "../core/errors.js"],
  },
  {
    file: "runtime/engine/x.ts",
    refused: [
      "protosaga",
      "../operate/x.js",
      "../testing/x.js",
      "../grpc/server.js",
      "@grpc/grpc-js",
      generated,
      generator,
    ],
    allowed: ["../broker/broker.js", "../journal/journal.js", "../facade/node.js", "../core/plan.js"],
  },
  {
    file: "runtime/operate/x.ts",
    refused: [
      "protosaga",
      "../grpc/server.js",
      "@grpc/grpc-js",
      generated,
      generator,
      "../../examples/booking/main.js",
    ],
    allowed: ["../pb/x.js", ...["core", "facade", "journal", "broker", "engine"].map(runtime)],
  },
  {
    file: "runtime/testing/x.ts",
    refused: ["protosaga", "vitest", "../grpc/server.js", "@grpc/grpc-js", generated, generator],
    allowed: [...["core", "facade", "journal", "broker", "engine", "operate"].map(runtime), "./world/world.js"],
  },
  {
    file: "runtime/grpc/x.ts",
    refused: ["protosaga", generated, generator, "../../examples/booking/main.js"],
    allowed: ["@grpc/grpc-js", ...["core", "facade", "journal", "broker", "engine", "operate"].map(runtime)],
  },
  {
    file: "runtime/upstream/x.ts",
    refused: [
      "protosaga",
      ...["facade", "config", "journal", "broker", "engine", "operate", "grpc"].map(runtime),
      ...[generated, generator, "../index.js"],
    ],
    allowed: ["../core/errors.js", "../pb/google/rpc/status.js", "./port.js", "@grpc/grpc-js", "pg"],
  },
  {
    file: "generator/x.ts",
    refused: ["../runtime/core/errors.js", "protosaga", "../generated/pb/x.js"],
    allowed: ["./read/read.js"],
  },
  {
    file: "generator/read/x.ts",
    refused: ["../check/x.js", "../emit/x.js", "../merge/x.js", ...outside],
    allowed: ["../model.js"],
  },
  {
    file: "generator/check/x.ts",
    refused: ["../read/x.js", "../emit/x.js", "../merge/x.js", ...outside],
    allowed: ["../model.js"],
  },
  {
    file: "generator/emit/x.ts",
    refused: ["../read/x.js", "../check/x.js", "../merge/x.js", ...outside],
    allowed: ["../model.js"],
  },
  {
    file: "generator/merge/x.ts",
    refused: ["../read/x.js", "../check/x.js", ...outside],
    allowed: ["../model.js", "../emit/x.js"],
  },
  ...["facade", "node", "topic", "dto", "handler", "spec"].map(
    (folder): Room => ({
      file: `generated/${folder}/booking/x.ts`,
      refused: ["../../../runtime/index.js", "../../../generator/model.js"],
      allowed: ["protosaga", "../../pb/booking/booking.js"],
    }),
  ),
];

/** The ways to name another module. */
const ways: readonly ((module: string, at: number) => string)[] = [
  (module, at) => `import { x as a${at} } from "${module}"; a${at}();`,
  (module, at) => `import type { X as B${at} } from "${module}"; export type C${at} = B${at};`,
  (module, at) => `export { x as d${at} } from "${module}";`,
  (module, at) => `export * as e${at} from "${module}";`,
  (module, at) => `export const f${at} = await import("${module}");`,
  (module) => `import "${module}";`,
];

/** A file that imports each module in each way, one a line. */
function probe(modules: readonly string[]): string {
  return modules.flatMap((module, at) => ways.map((way) => `${way(module, at)}\n`)).join("");
}

/** The lines that biome refuses, as this project sets it up, by file: `runtime/core/x.ts:3`. */
async function refusedLines(files: ReadonlyMap<string, string>): Promise<Set<string>> {
  const root = scope.tempDir();
  copyFileSync(join(repository, "biome.json"), join(root, "biome.json"));
  for (const [file, text] of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  const biome = join(repository, "node_modules/.bin/biome");
  const options = ["--only=style/noRestrictedImports", "--reporter=github", "--max-diagnostics=none"];
  const args = ["lint", "--vcs-enabled=false", ...options, root];
  const { stdout } = await promisify(execFile)(biome, args, { cwd: root }).catch((error: { stdout: string }) => error);
  return new Set(
    [...stdout.matchAll(/,file=(.*?),line=(\d+),/g)].map(([, file, line]) => `${file}:${line}`.replace(`${root}/`, "")),
  );
}

describe("the import rule", () => {
  let found: Set<string>;
  beforeAll(async () => {
    found = await refusedLines(new Map(rooms.map((room) => [room.file, probe([...room.refused, ...room.allowed])])));
  });

  /** The modules of which biome refuses this room some, or all, ways to import them. */
  function refusedIn(file: string, modules: readonly string[], how: "some" | "every"): string[] {
    const places = modules.map((_, at) => ways.map((_, way) => `${file}:${at * ways.length + way + 1}`));
    return modules.filter((_, at) => places[at]?.[how]((place) => found.has(place)));
  }

  test.each(rooms)("holds in $file, however it is imported", ({ file, refused, allowed }) => {
    const modules = [...refused, ...allowed];
    expect(refusedIn(file, modules, "every")).toEqual(refused);
    expect(refusedIn(file, modules, "some"), "nothing for no reason").toEqual(refused);
  });

  test("has a probe in this test for each of biome.json's rules", () => {
    const { overrides } = JSON.parse(readFileSync(join(repository, "biome.json"), "utf8")) as {
      overrides: { includes: string[]; linter?: { rules?: { style?: { noRestrictedImports?: object } } } }[];
    };
    const folders = overrides
      .filter(({ linter }) => linter?.rules?.style?.noRestrictedImports !== undefined)
      .flatMap(({ includes }) => includes)
      .map((glob) => glob.replace(/\/(\{.*\}|\*\*).*$/, "/"));
    expect(folders.length).toBeGreaterThan(5);
    for (const folder of folders) {
      expect(
        rooms.some(({ file }) => file.startsWith(folder)),
        folder,
      ).toBe(true);
    }
  });
});

/** What each room of the runtime may import, whatever the linter makes of it. */
const oneWay: Readonly<Record<string, readonly string[]>> = {
  core: [],
  pb: [],
  facade: ["core"],
  config: ["core"],
  journal: ["core", "facade", "pb"],
  broker: ["core", "facade", "journal"],
  engine: ["core", "facade", "journal", "broker", "pb"],
  operate: ["core", "facade", "journal", "broker", "engine", "pb"],
  grpc: ["core", "facade", "journal", "broker", "engine", "operate", "config", "pb"],
  testing: ["core", "facade", "journal", "broker", "engine", "operate", "upstream", "pb"],
  upstream: ["core", "pb"],
};

describe("the runtime's rooms", () => {
  const root = join(repository, "runtime");
  const found = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());

  test.each(found.map(({ name }) => name))("%s imports one way", (room) => {
    const files = readdirSync(join(root, room), { recursive: true, encoding: "utf8" }).filter((path) =>
      path.endsWith(".ts"),
    );
    const strays = files.flatMap((file) => {
      const text = readFileSync(join(root, room, file), "utf8");
      const modules = [...text.matchAll(/(?:from|import\(|import) ?"([^"]+)"/g)].map(([, module = ""]) => module);
      const targets = modules.map((module) => (module.startsWith(".") ? join(room, dirname(file), module) : module));
      const ours = targets.filter((_, at) => modules[at]?.startsWith(".") || modules[at] === "protosaga");
      return ours
        .filter((target) => ![room, ...(oneWay[room] ?? [])].includes(target.split("/")[0] ?? ""))
        .map((target) => `${file} imports ${target}`);
    });
    expect(files.length).toBeGreaterThan(0);
    expect(strays).toEqual([]);
  });
});
