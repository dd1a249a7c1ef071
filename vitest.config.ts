import { defineConfig } from "vitest/config";
import LongFirst from "./test/support/long-first.js";

export default defineConfig({
  resolve: { conditions: ["@protosaga/source"] },
  ssr: { resolve: { conditions: ["@protosaga/source"] } },
  test: {
    include: ["test/**/*.test.ts", "generated/spec/**/*.test.ts"],
    // What tests start as processes of their own.
    globalSetup: "test/support/compiled/setup.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests of whole processes and of speed-sensitive deadlines share two cores with everything else.
    maxWorkers: 2,
    // The files of a worker share what they import, and the PostgreSQL server: a third less processor time.
    isolate: false,
    sequence: { sequencer: LongFirst },
  },
});
