import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

test("one file knows the Kafka client library, so that it can be exchanged", () => {
  const rooms = ["runtime", "generator", "generated", "examples"];
  const files = rooms.flatMap((room) =>
    readdirSync(join(repository, room), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts") && !path.startsWith("dist"))
      .map((path) => join(room, path)),
  );
  const knowing = files.filter((file) =>
    /(from |import\(|require\()["'`]kafkajs\b/.test(readFileSync(join(repository, file), "utf8")),
  );
  expect(knowing).toEqual(["runtime/broker/kafka/kafkajs-client.ts"]);
});
