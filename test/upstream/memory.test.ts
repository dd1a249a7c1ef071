import { describe } from "vitest";
import { describeBarrier } from "./conformance.js";
import { memoryPlace } from "./support/place.js";

describe("the barrier in memory", () => describeBarrier(memoryPlace()));
