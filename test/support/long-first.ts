import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take long, the longest first, so that none of them is begun when the others are done. Vitest knows only
 * on a machine that has run them before.
 */
export const longFiles: readonly string[] = [
  "test/grpc/many-sagas.test.ts",
  "test/broker/kafka/broker.test.ts",
  "test/end-to-end/kafka-outage.test.ts",
  "test/end-to-end/kafka.test.ts",
  "test/end-to-end/leases.test.ts",
  "test/end-to-end/async-crash.test.ts",
  "test/end-to-end/pods.test.ts",
  "test/chaos/pods.test.ts",
  "test/end-to-end/versions.test.ts",
  "test/end-to-end/crash.test.ts",
  "test/generator/spec.test.ts",
  "test/grpc/echo.test.ts",
  "test/chaos/embedded.test.ts",
  "test/broker/kafka/client.test.ts",
];

/** The files that keep every core busy by themselves: nothing is to wait for them, nor they for anything. */
export const wideFiles: readonly string[] = ["test/testing/simulator.test.ts"];

/** Runs long files first and wide ones last; between them all others, as Vitest orders them. */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => {
      const path = relative(this.ctx.config.root, moduleId);
      const place = longFiles.indexOf(path);
      return wideFiles.includes(path) ? Number.POSITIVE_INFINITY : place < 0 ? longFiles.length : place;
    };
    // Stable: those of one rank stay as they were.
    return sorted
      .map((file) => ({ file, rank: rank(file) }))
      .sort((one, other) => (one.rank === other.rank ? 0 : one.rank - other.rank))
      .map(({ file }) => file);
  }
}
