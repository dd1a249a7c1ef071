import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

test("only the Kafka adapter knows kafkajs, and loads it when it is opened: it is an optional peer dependency", () => {
  const rooms = ["runtime", "generator", "generated", "examples"];
  const files = rooms.flatMap((room) =>
    readdirSync(join(repository, room), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(room, path)),
  );
  const lines = files.flatMap((file) =>
    readFileSync(join(repository, file), "utf8")
      .split("\n")
      .filter((line) => /["'`]kafkajs\b/.test(line))
      .map((line) => ({ file, line })),
  );
  for (const { file } of lines) {
    expect(file).toMatch(/^runtime\/broker\/kafka\//);
  }
  const loading = lines.filter(({ line }) => !line.startsWith("import type "));
  expect(loading).toEqual([
    { file: "runtime/broker/kafka/client.ts", line: expect.stringContaining('await import("kafkajs")') },
  ]);
});
