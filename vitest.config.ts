import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

/** Tests that take long, or that fetch Kafka: `npm run test:long`. */
const long = ["test/**/*.long.test.ts"];

/** Where a report for programs goes. */
const outputFile = process.env.TEST_REPORT;

function suite(name: string, include: string[], exclude: string[] = []): TestProjectInlineConfiguration {
  // The files of a worker share what they import, and the PostgreSQL server: a third less processor time.
  return { extends: true, test: { name, include, exclude, isolate: false } };
}

export default defineConfig({
  resolve: { conditions: ["@protosaga/source"] },
  ssr: { resolve: { conditions: ["@protosaga/source"] } },
  test: {
    // Compiles what tests start as processes.
    globalSetup: "test/support/compiled/setup.ts",
    reporters: [
      ...["default", "./test/support/report-skipped.ts"],
      ...(outputFile === undefined ? [] : [["json", { outputFile }] satisfies [string, object]]),
    ],
    // A limit for tests that hang, even on a machine that takes five times as long. No test measures time by it.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Tests of whole processes and of speed-sensitive deadlines share two cores with everything else.
    maxWorkers: 2,
    projects: [suite("quick", ["test/**/*.test.ts", "generated/spec/**/*.test.ts"], long), suite("long", long)],
  },
});
