import type { Process } from "./process.js";

/** The fate of a request to the database. "late": its connection is considered dead, but it arrives. */
export type RequestFate = "ok" | "request-lost" | "answer-lost" | "late";

/** How a database behaves. All times in ms. */
export interface DatabaseBehaviour {
  /** How long one way takes. Default: 0.5 */
  readonly wayMs?: (site: string) => number;
  /** Default: all are ok. */
  readonly fate?: (site: string) => RequestFate;
  /** How long a late request is on its way. Default: 2,000 */
  readonly lateMs?: (site: string) => number;
  /** How long it takes until a pod that watches learns of an entry or a hand-over. Default: 1 */
  readonly noticeMs?: (site: string) => number;
  /** Whether a process can't reach the database now. Default: never */
  readonly away?: (process: Process) => boolean;
  /** Default: 15,000 */
  readonly leaseMs?: number;
  /** How long work is retried before it is refused. Default: 10,000 */
  readonly giveUpAfterMs?: number;
  /** How long to wait for an answer before its connection is considered dead. Default: 400 */
  readonly silenceMs?: number;
}

/** How long a request waits before its attempt `nth`, from 2: twice as long each time, up to a bound. @returns ms */
export function waitBefore(nth: number): number {
  return Math.min(10 * 2 ** (nth - 2), 500);
}
