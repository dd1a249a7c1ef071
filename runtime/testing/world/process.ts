import type { Clock } from "../../engine/ports.js";
import type { EventOwner, Scheduler } from "./scheduler.js";

/** A point at which a process may be made to crash: at a call of one of its ports. */
export interface Crossing {
  /** The process that crosses. */
  readonly process: Process;
  /** "journal.append", "upstream.call", "broker.publish"… */
  readonly port: string;
  /** "before": nothing of the call has happened. "after": its effect has, and the process does not know it yet. */
  readonly stage: "before" | "after";
  /** What the call is about: a saga id, an idempotency key, a topic. */
  readonly about: string;
  /** Counts the crossings of this process, from 1. */
  readonly nth: number;
}

/** Told of each crossing; may kill the process. */
export type Probe = (crossing: Crossing) => void;

/** A simulated process: what runs in it reaches the world only through ports, and nothing crosses them once it is dead. */
export interface Process extends EventOwner {
  /** "pod-1"; the same for each incarnation. */
  readonly name: string;
  /** Which start of it this is, from 1. */
  readonly incarnation: number;
  /** As a SIGKILL. Who is dead dies no more. */
  kill(): void;
  /** As a SIGSTOP with its SIGCONT: what is to happen in it waits so many ms, then comes all at once. */
  stall(ms: number): void;
  /** Has an action happen in this process, unless it is dead by then. @returns a function that calls it off */
  after(ms: number, action: () => void): () => void;
  /** A call of a port crosses its boundary. @returns whether the process lives on */
  cross(port: string, stage: "before" | "after", about: string): boolean;
  readonly clock: Clock;
  /** Has the wall clock jump, ms. */
  jump(ms: number): void;
  /** By how much the wall clock has jumped, ms. */
  readonly skewMs: number;
  /** Calls a listener when the process dies, or stalls for so many ms. */
  onSilence(listener: (ms: number) => void): void;
}

/** What a process is made of. */
export interface ProcessOptions {
  readonly scheduler: Scheduler;
  readonly name: string;
  readonly incarnation: number;
  readonly probe?: Probe | undefined;
  /** From 0 up to but not including 1: the process's chance. */
  readonly random: () => number;
  /** What the wall clock says when the world begins, ms since the Unix epoch. */
  readonly epochMs?: number;
}

/** When worlds begin, by default: 2027-01-15. */
const defaultEpochMs = 1_800_000_000_000;

/** Starts a process. */
export function createProcess(options: ProcessOptions): Process {
  const { scheduler, name, incarnation, probe, random, epochMs = defaultEpochMs } = options;
  let skewMs = 0;
  let nth = 0;
  const state = { alive: true, stalledUntilMs: 0 };
  const listeners: ((ms: number) => void)[] = [];
  const silent = (ms: number) => {
    for (const listener of listeners) {
      listener(ms);
    }
  };
  const process: Process = {
    name,
    incarnation,
    get alive() {
      return state.alive;
    },
    get stalledUntilMs() {
      return state.stalledUntilMs;
    },
    get skewMs() {
      return skewMs;
    },
    onSilence: (listener) => void listeners.push(listener),
    kill() {
      if (state.alive) {
        state.alive = false;
        silent(Number.POSITIVE_INFINITY);
      }
    },
    stall(ms) {
      state.stalledUntilMs = Math.max(state.stalledUntilMs, scheduler.now() + ms);
      silent(ms);
    },
    after: (ms, action) => (state.alive ? scheduler.after(ms, action, process) : () => {}),
    cross(port, stage, about) {
      if (state.alive) {
        probe?.({ process, port, stage, about, nth: ++nth });
      }
      return state.alive;
    },
    clock: {
      now: () => Math.floor(epochMs + scheduler.now() + skewMs),
      after: (ms, action) => process.after(ms, action),
      random,
    },
    jump(ms) {
      skewMs += ms;
    },
  };
  return process;
}

/** A promise that never settles: what a call of a dead process comes to. */
export function never<Result>(): Promise<Result> {
  return new Promise(() => {});
}
