import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

test("only the Kafka adapter knows kafkajs", () => {
  const rooms = ["runtime", "generator", "generated", "examples"];
  const files = rooms.flatMap((room) =>
    readdirSync(join(repository, room), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.startsWith("dist"))
      .map((path) => join(room, path)),
  );
  const knowing = files.filter((file) =>
    /(from |import\(|require\()["'`]kafkajs\b/.test(readFileSync(join(repository, file), "utf8")),
  );
  expect(knowing.every((file) => file.startsWith("runtime/broker/kafka/"))).toBe(true);
  expect(knowing).toContain("runtime/broker/kafka/client.ts");
});
