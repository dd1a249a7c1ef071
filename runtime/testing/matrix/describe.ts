import { type FaultMatrixOptions, faultMatrix } from "./matrix.js";

/** What the matrix needs of a test runner: `describe` and `test` of vitest and of node:test fit. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly test: {
    (name: string, body: () => Promise<void>): unknown;
    readonly skip: (name: string, body: () => void) => unknown;
  };
}

/** Makes a test of each case. Those that do not apply are skipped, and their names say why. */
export function describeFaultMatrix({ describe, test, ...options }: TestRunner & FaultMatrixOptions): void {
  describe(`the fault matrix of ${options.facade.name}`, () => {
    for (const { name, doesNotApply, run } of faultMatrix(options)) {
      if (doesNotApply === undefined) {
        test(name, async () => {
          await run();
        });
      } else {
        test.skip(`${name} does not apply: ${doesNotApply}`, () => {});
      }
    }
  });
}
