import type { Process } from "../../runtime/testing/world/process.js";
import { createProcess } from "../../runtime/testing/world/process.js";
import { createScheduler, type Scheduler } from "../../runtime/testing/world/scheduler.js";

/** Virtual time that keeps step with the machine's, for suites that wait by the machine's. */
export interface RealTime {
  readonly scheduler: Scheduler;
  /** A process that lives as long as the test. */
  process(name: string): Process;
  close(): void;
}

/** So many virtual ms pass in one of the machine's. */
const speed = 20;

/** Has virtual time keep step with the machine's. */
export function createRealTime(): RealTime {
  const scheduler = createScheduler(1);
  const begin = performance.now();
  let closed = false;
  let incarnation = 0;
  async function keepStep(): Promise<void> {
    while (!closed) {
      await scheduler.run({ untilMs: (performance.now() - begin) * speed });
      await new Promise(setImmediate);
    }
  }
  void keepStep();
  return {
    scheduler,
    process: (name) => createProcess({ scheduler, name, incarnation: ++incarnation, random: Math.random }),
    close() {
      closed = true;
    },
  };
}
