import { defineConfig } from "vitest/config";
import LongFirst from "./test/support/long-first.js";

export default defineConfig({
  resolve: { conditions: ["@protosaga/source"] },
  ssr: { resolve: { conditions: ["@protosaga/source"] } },
  test: {
    // What tests start as processes of their own.
    globalSetup: "test/support/compiled/setup.ts",
    // No test measures time by them: they end what hangs, also on a machine that takes five times as long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Tests of whole processes and of speed-sensitive deadlines share two cores with everything else.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    include: ["test/**/*.test.ts", "generated/spec/**/*.test.ts"],
    // The files of a worker share what they import, and the PostgreSQL server: a third less processor time.
    isolate: false,
  },
});
