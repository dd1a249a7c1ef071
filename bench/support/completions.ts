import { connect } from "node:net";
import { performance } from "node:perf_hooks";

/** Called when a saga has ended. @param error undefined if it completed */
export type Ended = (error: string | undefined) => void;

/** A client's end of a completion feed. */
export interface Completions {
  /** Calls the listener when a saga has ended, or has not ended in time. */
  expect(id: string, ended: Ended): void;
  /** Stops waiting for a saga. */
  forget(id: string): void;
}

interface Expected {
  readonly ended: Ended;
  readonly since: number;
}

/**
 * Connects to a facade's feed.
 * @param client the name with which the ids of this client's sagas begin
 * @param timeoutMs how long a saga may take
 */
export async function connectCompletions(port: number, client: string, timeoutMs: number): Promise<Completions> {
  const expected = new Map<string, Expected>();
  const socket = connect(port, "localhost").setNoDelay().setEncoding("utf8");
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.write(`${client}\n`);
  let rest = "";
  socket.on("data", (chunk) => {
    const lines = `${rest}${chunk}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const failed = line.startsWith("!");
      end(failed ? line.slice(1) : line, failed ? "the saga did not complete" : undefined);
    }
  });
  // One timer for all. They are in the order of their start.
  setInterval(() => {
    const tooOld = performance.now() - timeoutMs;
    for (const [id, { since }] of expected) {
      if (since > tooOld) return;
      end(id, `not completed within ${timeoutMs} ms`);
    }
  }, 500).unref();

  function end(id: string, error: string | undefined): void {
    const waiting = expected.get(id);
    expected.delete(id);
    waiting?.ended(error);
  }

  return {
    expect(id, ended) {
      expected.set(id, { ended, since: performance.now() });
    },
    forget: (id) => void expected.delete(id),
  };
}
