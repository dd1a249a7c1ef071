import { describePostgres } from "../support/describe-postgres.js";
import { describeBarrier } from "./conformance.js";
import { describeDeliveries } from "./property.js";
import { postgresPlace } from "./support/place.js";

describePostgres("the barrier on PostgreSQL", () => {
  describeBarrier(postgresPlace());
  describeDeliveries(postgresPlace(), 100);
});

describePostgres("the barrier on PostgreSQL, SERIALIZABLE", () => {
  describeBarrier(postgresPlace({ isolation: "SERIALIZABLE" }));
  describeDeliveries(postgresPlace({ isolation: "SERIALIZABLE" }), 30);
});
