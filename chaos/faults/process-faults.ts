import { leaseMs } from "../cluster/backends.js";
import type { Cluster } from "../cluster/cluster.js";
import type { Member } from "../cluster/member.js";
import type { Counts } from "../counts.js";
import type { Random } from "../random.js";
import { type Fault, pause } from "./fault.js";

/** Mean pause between faults of pods and upstreams, ms. */
export interface ProcessRhythm {
  readonly killPod: number;
  /** A kill first waits for up to this many further answers, at most `progressMs`. */
  readonly progress: number;
  readonly progressMs: number;
  readonly killUpstream: number;
  readonly stallPod: number;
  readonly stallUpstream: number;
  readonly leave: number;
}

/** Faults of the processes of pods and upstreams. */
export function processFaults({ pods, upstreams }: Cluster, counts: Counts, rhythm: ProcessRhythm): readonly Fault[] {
  const members = pods.map(({ member }) => member);
  let starts = 0;

  /** Restarts a pod with its old pod id, as a stateful set does, or with a new one, as a deployment does. */
  async function restart(member: Member, random: Random): Promise<void> {
    const renamed = members.length > 1 && random.chance(0.5);
    counts.add(renamed ? "restart with a new pod id" : "restart with the same pod id");
    await member.start(renamed ? { POD_ID: `${member.name}-${++starts}` } : {});
  }

  /** Waits for progress, so that on a slow machine too kills hit working processes and not only starting ones. */
  async function progress(more: number): Promise<void> {
    const enough = counts.of("answers") + more;
    const deadline = Date.now() + rhythm.progressMs;
    while (counts.of("answers") < enough && Date.now() < deadline) await pause(10);
  }

  const killPod = (name: string): Fault => ({
    name,
    everyMs: rhythm.killPod,
    happen: (random) =>
      withOne(members, random, async (member) => {
        await progress(random.between(0, rhythm.progress));
        await member.kill();
        await pause(random.chance(0.5) ? 0 : random.between(0, 300));
        await restart(member, random);
      }),
  });

  return [
    killPod("kills a pod"),
    // With several pods, two may be dead at once.
    ...(members.length > 1 ? [killPod("kills another pod")] : []),
    {
      name: "kills an upstream",
      everyMs: rhythm.killUpstream,
      happen: (random) =>
        withOne(upstreams, random, async (member) => {
          await progress(random.between(0, rhythm.progress));
          await member.kill();
          await pause(random.chance(0.7) ? 0 : random.between(0, 1_000));
          await member.start();
        }),
    },
    {
      name: "stalls a pod",
      everyMs: rhythm.stallPod,
      happen: (random) =>
        withOne(members, random, async (member) => {
          member.pause();
          // If there are others, they must take over its sagas, which needs up to 1.5 leases.
          const shared = members.length > 1;
          await pause(shared ? random.between(1.2, 2.5) * leaseMs : random.between(200, 1_500));
          member.resume();
        }),
    },
    {
      name: "stalls an upstream",
      everyMs: rhythm.stallUpstream,
      happen: (random) =>
        withOne(upstreams, random, async (member) => {
          member.pause();
          await pause(random.between(100, 3_000));
          member.resume();
        }),
    },
    {
      name: "stops and restarts a pod",
      everyMs: rhythm.leave,
      happen: (random) =>
        withOne(members, random, async (member) => {
          await member.leave();
          await pause(random.between(0, members.length > 1 ? 2_000 : 300));
          await restart(member, random);
        }),
    },
  ];
}

/** Runs `act` with one that has no other fault; waits until there is one. */
export async function withOne<One extends { take(): boolean; free(): void }>(
  all: readonly One[],
  random: Random,
  act: (one: One) => Promise<void>,
): Promise<void> {
  const first = Math.floor(random.next() * all.length);
  const inTurn = [...all.slice(first), ...all.slice(0, first)];
  let one = inTurn.find((candidate) => candidate.take());
  while (one === undefined) {
    await pause(5);
    one = inTurn.find((candidate) => candidate.take());
  }
  try {
    await act(one);
  } finally {
    one.free();
  }
}
