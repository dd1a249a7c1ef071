import { expect, test } from "vitest";
import type { Journal } from "../../runtime/journal/journal.js";
import type { Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import { numbersOf } from "./entries.js";

/** Where a process that is to be killed keeps its journal. */
export interface KillPlace {
  /** What journal-process.ts is told before the task. */
  readonly args: readonly string[];
  /** Opens the same journal here. */
  open(): Journal | Promise<Journal>;
}

/** The process whose journal it is. */
export const holder = "test/journal/journal-process.ts";

/** How a process ends that was killed. */
export const killed = { code: null, signal: "SIGKILL" };

/** What every journal keeps of a process that was killed. @param place makes room for a fresh journal */
export function killConformance(name: string, scope: Scope, place: () => Promise<KillPlace>): void {
  test(`${name}: what was said to be stored is there after SIGKILL, with its messages, time and again`, async () => {
    const { args, open } = await place();
    const said: string[] = [];
    for (const atLeast of [1, 50, 400]) {
      const writer = scope.start(holder, { args: [...args, "write"] });
      await writer.line("ready");
      const lines = () => writer.stdout().split("\n").slice(0, -1);
      await until(() => lines().length > atLeast, { what: `${atLeast} writes` });
      expect(await writer.kill9()).toEqual(killed);
      said.push(...lines().flatMap((line) => (line.startsWith("stored ") ? [line.slice("stored ".length)] : [])));
    }
    expect(said.length).toBeGreaterThan(450);

    const journal = scope.use(await open());
    const stored: string[] = [];
    for (const id of await journal.list("open")) {
      const numbers = await numbersOf(journal, id);
      stored.push(...(numbers ?? []).map((number) => `${id}/${number}`));
    }
    expect(stored).toEqual(expect.arrayContaining(said));
    const messages = await journal.messages.pending();
    expect(messages.map(({ body }) => body).sort(), "each entry has its message, each message its entry").toEqual(
      stored.sort(),
    );
  });
}
