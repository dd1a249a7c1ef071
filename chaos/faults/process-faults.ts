import type { Counts } from "../counts.js";
import { leaseMs } from "../place/backends.js";
import type { Member } from "../place/member.js";
import type { Place } from "../place/place.js";
import type { Random } from "../random.js";
import { type Fault, pause } from "./fault.js";

/** How often what happens to pods and upstreams, ms. */
export interface ProcessRhythm {
  readonly killPod: number;
  /** Before a pod or an upstream is killed: this many answers more, at most, are waited for, but no longer than `progressMs`. */
  readonly progress: number;
  readonly progressMs: number;
  readonly killUpstream: number;
  readonly stallPod: number;
  readonly stallUpstream: number;
  readonly leave: number;
}

/** What happens to the processes of pods and upstreams. */
export function processFaults({ pods, upstreams }: Place, counts: Counts, rhythm: ProcessRhythm): readonly Fault[] {
  const members = pods.map(({ member }) => member);
  let starts = 0;

  /** A pod comes back under its old name, as a stateful set's do, or under a new one, as a deployment's. */
  async function restart(member: Member, random: Random): Promise<void> {
    const anew = members.length > 1 && random.chance(0.5);
    counts.add(anew ? "comes back under a new name" : "comes back under its old name");
    await member.start(anew ? { POD_ID: `${member.name}-${++starts}` } : {});
  }

  /** However slow the machine is, processes are to be killed while they get somewhere, and not always while they start. */
  async function progress(more: number): Promise<void> {
    const enough = counts.of("answers") + more;
    const deadline = Date.now() + rhythm.progressMs;
    while (counts.of("answers") < enough && Date.now() < deadline) await pause(10);
  }

  return [
    {
      name: "kills a pod",
      everyMs: rhythm.killPod,
      happen: (random) =>
        withOne(members, random, async (member) => {
          await progress(random.between(0, rhythm.progress));
          await member.kill();
          await pause(random.chance(0.5) ? 0 : random.between(0, 300));
          await restart(member, random);
        }),
    },
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
          // Where there are others, these are to take over what it has: a lease, and half of one more.
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
      name: "a pod leaves and joins",
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

/** Does it with one that nothing else happens to; where there is none, once there is. */
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
