import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

/** Takes a CPU profile of this process, for Chrome's developer tools. */
export interface Profiler {
  start(): Promise<void>;
  /** Ends the profile and writes it to a file. */
  stop(file: string): Promise<void>;
}

/** Makes one. It costs nothing until it is started. */
export function createProfiler(): Profiler {
  let session: Session | undefined;
  return {
    async start() {
      session = new Session();
      session.connect();
      await session.post("Profiler.enable");
      await session.post("Profiler.start");
    },
    async stop(file) {
      const result = await session?.post("Profiler.stop");
      session?.disconnect();
      writeFileSync(file, JSON.stringify(result?.profile));
    },
  };
}
