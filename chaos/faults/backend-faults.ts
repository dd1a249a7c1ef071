import type { Cluster } from "../cluster/cluster.js";
import type { Counts } from "../counts.js";
import { type Fault, pause } from "./fault.js";

/** Mean pause between faults of the database and of the broker, ms. */
export interface BackendRhythm {
  readonly database: number;
  readonly broker: number;
}

/** Faults of the database and the broker. Their kinds take turns, so that a short run has all of them. */
export function backendFaults({ database, broker }: Cluster, counts: Counts, rhythm: BackendRhythm): readonly Fault[] {
  const faults: Fault[] = [];
  if (database !== undefined) {
    let turn = 0;
    faults.push({
      name: "database fault",
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
      name: "broker fault",
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

/** Starts a backend. On a busy machine a start may exceed its time limit: it is tried again. */
async function startAgain(server: { start(): Promise<void>; kill9(): Promise<void> }, counts: Counts): Promise<void> {
  for (let left = 3; ; left--) {
    try {
      await server.start();
      return;
    } catch (error) {
      if (left === 0) throw error;
      counts.add("start of a backend repeated");
      await server.kill9();
    }
  }
}
