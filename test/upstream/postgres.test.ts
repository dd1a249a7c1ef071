import { describePostgres } from "../support/describe-postgres.js";
import { describeBarrier } from "./conformance.js";
import { postgresPlace } from "./support/place.js";

describePostgres("the barrier on PostgreSQL", () => describeBarrier(postgresPlace()));

describePostgres("the barrier on PostgreSQL, SERIALIZABLE", () =>
  describeBarrier(postgresPlace({ isolation: "SERIALIZABLE" })),
);
