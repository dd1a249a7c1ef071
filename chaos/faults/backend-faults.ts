import type { Counts } from "../counts.js";
import type { Place } from "../place/place.js";
import { type Fault, pause } from "./fault.js";

/** How often what happens to the database and the broker, ms. */
export interface BackendRhythm {
  readonly database: number;
  readonly broker: number;
}

/** What happens to the database and the broker: each in its turn, so that a short run meets all of it. */
export function backendFaults({ database, broker }: Place, counts: Counts, rhythm: BackendRhythm): readonly Fault[] {
  const faults: Fault[] = [];
  if (database !== undefined) {
    let turn = 0;
    faults.push({
      name: "the database goes",
      everyMs: rhythm.database,
      async happen(random) {
        const what = ["killed", "stalls", "stopped"][turn++ % 3];
        if (what === "stalls") {
          counts.add("SIGSTOP database");
          database.signal("SIGSTOP");
          await pause(random.between(500, 4_000));
          database.signal("SIGCONT");
          return;
        }
        counts.add(what === "killed" ? "SIGKILL database" : "restart database");
        await (what === "killed" ? database.kill9() : database.stop());
        await pause(random.between(0, 1_500));
        await startAgain(database, counts);
      },
    });
  }
  if (broker !== undefined) {
    let turn = 0;
    faults.push({
      name: "the broker goes",
      everyMs: rhythm.broker,
      async happen(random) {
        const killed = turn++ % 2 === 0;
        counts.add(killed ? "SIGKILL broker" : "restart broker");
        await (killed ? broker.kill9() : broker.stop());
        await pause(random.between(0, 1_500));
        await startAgain(broker, counts);
      },
    });
  }
  return faults;
}

/** On a machine that has much to do a start may take longer than is waited for: then another try. */
async function startAgain(server: { start(): Promise<void>; kill9(): Promise<void> }, counts: Counts): Promise<void> {
  for (let left = 3; ; left--) {
    try {
      await server.start();
      return;
    } catch (error) {
      if (left === 0) throw error;
      counts.add("a backend had to be started again");
      await server.kill9();
    }
  }
}
