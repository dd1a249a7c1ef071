// npm run -s bench:overload: three times the server's capacity, for a minute. See bench/README.md.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../support/child.js";
import type { AsyncReady } from "../support/facade.js";
import { note } from "../support/rounds.js";
import { openDataFolder, runMain } from "../support/run-main.js";
import type { UpstreamReady } from "../support/upstream.js";
import type { OverloadSetup } from "./facade.js";
import { readOptions, usage } from "./options.js";
import { type Row, runOverload } from "./run.js";
import { table } from "./table.js";

const clientCount = 2;
/** Longer than the longest queue takes. */
const timeoutMs = 120_000;

runMain("bench:overload", usage, async (args) => {
  const options = readOptions(args);
  const data = openDataFolder(options.data);
  const here = (file: string) => new URL(file, import.meta.url);
  const upstream = await startChild<UpstreamReady>(here("../support/upstream.ts"));
  const clients: Child<undefined>[] = [];
  for (let i = 0; i < clientCount; i++) clients.push(await startChild(here("../support/client.ts")));
  const rows: Row[] = [];
  for (const scenario of options.scenarios) {
    for (const facade of options.facades) {
      note(`${facade}, ${scenario.what}`);
      const folder = join(data, `${scenario.name}-${facade}`);
      mkdirSync(folder);
      const { limits, logLevel, connections } = options;
      const setup: OverloadSetup = { ...upstream.ready, data: folder, scenario, limits, logLevel };
      const server = await startChild<AsyncReady>(here("facade.ts"), [JSON.stringify(setup)]);
      const { address, feed } = server.ready;
      const target = {
        address,
        facade,
        timeoutMs,
        connections,
        ...(facade === "async" && feed !== undefined ? { feed } : {}),
      };
      for (const client of clients) await client.ask("connect", target);
      rows.push(await runOverload({ facade: server, target, upstream, clients }, scenario, facade, options));
      note(`  ${JSON.stringify(rows.at(-1))}`);
    }
  }
  const { seconds, factor } = options;
  process.stdout.write(
    options.json ? `${JSON.stringify({ settings: { seconds, factor }, rows })}\n` : `\n${table(rows)}`,
  );
  return rows.every(isClean) ? 0 : 1;
});

/** Correctness: nothing is lost or done twice, and nothing fails except by a refusal. */
function isClean({ audit, errors }: Row): boolean {
  return audit.missing + audit.repeated + audit.stray + Object.keys(errors).length === 0;
}
