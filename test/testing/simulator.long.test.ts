import { expect, test } from "vitest";
import { simulate } from "./simulate.js";

const faults = [
  ...[
    "answer-lost",
    "broken-after",
    "broken-before",
    "cut-upstreams",
    "duplicate",
    "late-arrival",
    "refused",
    "request-lost",
    "slow",
    "transient",
    "undo-fails",
    "undo-fails-for-good",
  ],
  ...["node-rollback", "node-throws", "respond-throws", "undo-node-throws"],
  ...["clock-jump", "crash", "drain", "skew", "stall"],
  ...["commit-fails", "disk-full", "disk-unreadable", "fsync-fails", "slow-disk"],
  ...[
    "cut-database",
    "database-answer-lost",
    "database-away",
    "database-late",
    "database-request-lost",
    "late-notice",
    "read-fails",
    "slow-database",
    "spurious-notices",
  ],
  ...["cluster-away", "completion-refused", "cut-cluster", "garbled", "published-twice", "rebalance"],
];
const deployments = [
  ...["own journal, embedded broker, 1 server", "own journal, Kafka, 1 server"],
  ...[1, 2, 3].flatMap((pods) =>
    ["embedded broker", "Kafka"].map((broker) => `shared journal, ${broker}, ${pods} server${pods === 1 ? "" : "s"}`),
  ),
];
const ends = ["end-completed", "end-compensated", "stuck", "operator-retry", "operator-skip"];

// The same seeds every time, so that a change is judged by what it changes; new ones are for `npm run simulate`.
test.each([1, 1_000_001])(
  "the simulator finds nothing in 10,000 schedules from seed %s on, with each deployment and each fault",
  { timeout: 400_000 },
  async (seed) => {
    const counts = await simulate(10_000, seed);
    for (const what of [...faults.map((kind) => `fault ${kind}`), ...ends, ...deployments]) {
      expect(counts).toMatch(new RegExp(`^ +[1-9]\\d*  ${what}$`, "m"));
    }
  },
);
