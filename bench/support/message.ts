/** What a bench sends to one of its processes. */
export interface Ask {
  readonly bench: "ask";
  readonly id: number;
  readonly command: string;
  readonly argument: unknown;
}

/** What a process sends back: once that it is ready, and then an answer to each question. */
export type Reply =
  | { readonly bench: "ready"; readonly value: unknown }
  | { readonly bench: "answer"; readonly id: number; readonly value: unknown }
  | { readonly bench: "failure"; readonly id: number; readonly message: string };

/** Whether a message is one of ours: tsx sends its own over the same channel. */
export function isBenchMessage(message: unknown): message is Ask | Reply {
  return typeof message === "object" && message !== null && "bench" in message;
}
