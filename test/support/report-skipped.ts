import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";

/** Lists what this machine could not test below the summary of the run. The reasons are in the output above. */
export default class ReportSkipped implements Reporter {
  #filtered = false;

  onInit({ config }: Vitest): void {
    // Vitest skips the tests that `-t` leaves out.
    this.#filtered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map((test) => `${module.relativeModuleId}: ${outermost(test)}`),
    );
    if (skipped.length === 0 || this.#filtered) return;
    const lines = [...new Set(skipped)].map((line) => `    ${line}\n`).join("");
    process.stderr.write(`*** NOT TESTED on this machine, for want of a tool: ${skipped.length} tests of\n${lines}\n`);
  }
}

function outermost(test: TestCase | TestSuite): string {
  return test.parent.type === "module" ? test.name : outermost(test.parent);
}
