import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repository } from "../support/compiled/program.js";

interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  readonly instead: string;
}

const { mutations }: { mutations: readonly Mutation[] } = await import(join(repository, "scripts/mutations.mjs"));

test.each(mutations.map((mutation) => [mutation.name, mutation] as const))(
  "there is one place to break so: %s",
  (_, { file, text, instead }) => {
    const source = readFileSync(join(repository, "runtime", file), "utf8");
    expect(
      source.split(text).length - 1,
      `${JSON.stringify(text)} in runtime/${file}; mend scripts/mutations.mjs`,
    ).toBe(1);
    expect(instead).not.toBe(text);
  },
);

test("the manual tells of every break", () => {
  const manual = readFileSync(join(repository, "docs/simulator.md"), "utf8");
  for (const { name } of mutations) {
    expect(manual).toContain(`| ${name} `);
  }
});
