import { describe } from "vitest";
import { describeBarrier } from "./conformance.js";
import { libsqlPlace } from "./support/place.js";

describe("the barrier on SQLite", () => describeBarrier(libsqlPlace));
