// One of the two client processes.
import { type Booked, bookerOf, type Target } from "./booking.js";
import { type ClosedRun, createClosedLoop } from "./closed-loop.js";
import { createOpenLoop, type OpenRun } from "./open-loop.js";
import { answerCommands } from "./worker.js";

const closed = createClosedLoop();
const open = createOpenLoop();

answerCommands(undefined, {
  /** Connects, and books once: it waits for a facade that is not ready yet (a consumer group that still forms). */
  async connect(target: Target): Promise<void> {
    const booker = await bookerOf({ ...target, timeoutMs: 60_000 });
    const { error } = await new Promise<Booked>((resolve) => booker.book(resolve));
    if (error !== undefined) throw new Error(`the first booking at ${target.address} failed: ${error}`);
    await bookerOf(target);
  },
  run: (run: ClosedRun) => closed.run(run),
  mark: () => closed.mark(),
  stop: () => closed.stop(),
  offer: (run: OpenRun) => open.run(run),
  offered: () => open.result(),
});
