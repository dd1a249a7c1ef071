import type { Link } from "../cluster/links.js";
import type { Counts } from "../counts.js";
import type { Fault } from "./fault.js";
import { pause } from "./fault.js";
import { withOne } from "./process-faults.js";

/** Faults of the connections between processes. @param everyMs mean pause between two of a kind, over all links */
export function networkFaults(links: readonly Link[], counts: Counts, everyMs: number): readonly Fault[] {
  const kinds = [...new Set(links.map(({ to }) => to))];
  return kinds.flatMap((to) => {
    const mine = links.filter((link) => link.to === to);
    const fault = (name: string, often: number, happen: (link: Link, between: Between) => Promise<void>): Fault => ({
      name: `${name} ${to}`,
      everyMs: everyMs * often * kinds.length,
      happen: (random) =>
        withOne(mine, random, async (link) => {
          counts.add(`${name} (${to})`);
          await happen(link, (least, most) => random.between(least, most));
        }),
    });
    return [
      fault("connections closed", 1, async ({ proxy }) => {
        proxy.cut();
        proxy.restore();
      }),
      fault("connections refused", 2, async ({ proxy }, between) => {
        proxy.cut();
        await pause(between(50, 1_500));
        proxy.restore();
      }),
      fault("connections frozen", 3, async ({ proxy }, between) => {
        proxy.freeze();
        await pause(between(200, 4_000));
        // The network either resumes or has lost all connections.
        if (between(0, 1) < 0.5) {
          proxy.thaw();
        } else {
          proxy.cut();
          proxy.restore();
        }
      }),
      fault("bytes delayed", 1, async ({ proxy }, between) => {
        proxy.delay(between(5, 300));
        await pause(between(200, 2_000));
        proxy.delay(0);
      }),
    ];
  });
}

type Between = (least: number, most: number) => number;
