import type { BrokerObserver, Handler, SubscribeOptions } from "../../broker/broker.js";
import type { Process } from "./process.js";

/** How a cluster behaves. All times in ms. */
export interface ClusterBehaviour {
  /** How long a publication takes to be stored. Default: 1 */
  readonly publishMs?: (site: string) => number;
  /** Whether a publication is stored twice: its first acknowledgement was lost. Default: never */
  readonly twice?: (site: string) => boolean;
  /** Whether a process can't reach the cluster now. Default: never */
  readonly away?: (process: Process) => boolean;
  /** How long a member may be silent. Default: 10,000 */
  readonly sessionTimeoutMs?: number;
  /** Default: 1,000 */
  readonly redeliveryDelayMs?: number;
  /** How long what was handled is not yet committed. Default: 100 */
  readonly commitIntervalMs?: number;
  /** How long a rebalance of the group takes. Default: 50 */
  readonly rebalanceMs?: number;
}

/** A member of the group. */
export interface Member {
  readonly process: Process;
  readonly topics: Map<string, { readonly options: SubscribeOptions; readonly handler: Handler }>;
  readonly observer: BrokerObserver;
  /** How many messages of a topic it handles. */
  readonly handling: Map<string, number>;
  joined: boolean;
  closed: boolean;
  readonly underWay: Set<Promise<void>>;
}

/** What a member sends with. */
export interface Sender {
  readonly process: Process;
  /** The publications that wait, the one in flight first. */
  readonly sending: (() => void)[];
  readonly onClose: Set<() => void>;
  closed(): boolean;
}
