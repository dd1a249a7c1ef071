import { describe, test } from "vitest";
import { skips, withoutOwnKafka } from "../support/kafka/test-kafka.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { expectNothingWrong } from "./start-chaos.js";

const scope = createScope();
const without = withoutOwnKafka() ?? postgresMissing;

describe.skipIf(skips("chaos with several pods, Kafka and PostgreSQL", without))("chaos with several pods", () => {
  test("a short run kills, and finds nothing lost, doubled or falsely answered", async () => {
    await expectNothingWrong(scope, "--seconds", "12");
  }, 300_000);
});
