import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";

/** How much of the log is kept while it can't be written, bytes; what comes after is lost. */
const mostKept = 1024 * 1024;
/** How often it is tried to be written then, ms. */
const tryEveryMs = 250;
/** How often, and how long after one another, a reader is waited for that takes nothing just now. */
const attempts = 20;
const waitMs = 10;

/**
 * The server's log, on standard error. Where that can't be written (its disk is full, its reader is gone or stands
 * still), nothing else stops, as it would with pino's own stream: its error is thrown by whatever logs.
 */
export function createLog(level: string, pod: string): Logger {
  return pino({ level, base: { pod } }, createLogStream(2));
}

/** Writes lines at once; keeps those that can't be written, as far as there is room, and counts those that are lost. */
export function createLogStream(fd: number): { write(line: string): void } {
  const kept: Buffer[] = [];
  let bytes = 0;
  let lost = 0;
  let tryAtMs = 0;

  function keep(line: string): void {
    const buffer = Buffer.from(line);
    if (bytes + buffer.length > mostKept) {
      lost++;
      return;
    }
    kept.push(buffer);
    bytes += buffer.length;
  }

  /** @throws what the system says of the first line that can't be written */
  function flush(): void {
    for (let next = kept[0]; next !== undefined; next = kept[0]) {
      const written = writePatiently(fd, next);
      bytes -= written;
      if (written === next.length) {
        kept.shift();
      } else {
        kept[0] = next.subarray(written);
      }
    }
  }

  return {
    write(line) {
      keep(line);
      if (tryAtMs > 0 && performance.now() < tryAtMs) {
        return;
      }
      try {
        flush();
        tryAtMs = 0;
        if (lost > 0) {
          const lines = lost;
          lost = 0;
          this.write(`{"level":40,"time":${Date.now()},"lines":${lines},"msg":"lines of the log were lost"}\n`);
        }
      } catch {
        tryAtMs = performance.now() + tryEveryMs;
      }
    },
  };
}

/** @returns how many bytes were written */
function writePatiently(fd: number, buffer: Buffer): number {
  for (let attempt = 1; ; attempt++) {
    try {
      return writeSync(fd, buffer);
    } catch (error) {
      const busy = error instanceof Error && "code" in error && error.code === "EAGAIN";
      if (!busy || attempt === attempts) {
        throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
    }
  }
}
