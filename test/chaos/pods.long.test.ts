import { describe, test } from "vitest";
import { skips, withoutOwnKafka } from "../support/kafka/test-kafka.js";
import { postgresMissing } from "../support/postgres.js";
import { createScope } from "../support/scope.js";
import { expectNothingWrong } from "./start-chaos.js";

const scope = createScope();
const onPostgres = "chaos with three servers on PostgreSQL alone";
const onKafka = "chaos with three servers on PostgreSQL and Kafka";

describe.skipIf(skips(onPostgres, postgresMissing))(onPostgres, () => {
  test("a short run kills a server and finds no problem", async () => {
    await expectNothingWrong(scope, "--journal", "postgres", "--broker", "embedded", "--seconds", "12");
  }, 300_000);
});

describe.skipIf(skips(onKafka, withoutOwnKafka() ?? postgresMissing))(onKafka, () => {
  test("a short run kills a server and finds no problem", async () => {
    await expectNothingWrong(scope, "--seconds", "12");
  }, 300_000);
});
