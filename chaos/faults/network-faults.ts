import type { Counts } from "../counts.js";
import type { Link } from "../place/links.js";
import type { Fault } from "./fault.js";
import { pause } from "./fault.js";
import { withOne } from "./process-faults.js";

/** What happens to the ways between processes. @param everyMs how often each kind does, on all ways together */
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
      fault("connections cut", 1, async ({ proxy }) => {
        proxy.cut();
        proxy.restore();
      }),
      fault("way closed", 2, async ({ proxy }, between) => {
        proxy.cut();
        await pause(between(50, 1_500));
        proxy.restore();
      }),
      fault("way frozen", 3, async ({ proxy }, between) => {
        proxy.freeze();
        await pause(between(200, 4_000));
        // A network that comes back, or one whose connections are all gone.
        if (between(0, 1) < 0.5) {
          proxy.thaw();
        } else {
          proxy.cut();
          proxy.restore();
        }
      }),
      fault("delayed", 1, async ({ proxy }, between) => {
        proxy.delay(between(5, 300));
        await pause(between(200, 2_000));
        proxy.delay(0);
      }),
    ];
  });
}

type Between = (least: number, most: number) => number;
