import { describe } from "vitest";
import { describeBarrier } from "./conformance.js";
import { describeDeliveries } from "./property.js";
import { libsqlPlace } from "./support/place.js";

describe("the barrier on SQLite", () => {
  describeBarrier(libsqlPlace);
  describeDeliveries(libsqlPlace, 100);
});
