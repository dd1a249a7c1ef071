import { appendFileSync } from "node:fs";
import { type Exit, type RunningProcess, startProcess } from "../../test/support/process.js";
import type { Counts } from "../counts.js";
import type { Problems } from "../problems.js";

/** A process that faults target: a pod or an upstream. It has one fault at a time, see `take`. */
export interface Member {
  readonly name: string;
  /** "pod", "order" or "payment"; its faults are counted by kind. */
  readonly kind: string;
  /** Starts it, repeatedly if needed, until it accepts calls. @param more environment variables for this start */
  start(more?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM. It must exit with 0 within its grace period. */
  leave(): Promise<void>;
  /** SIGSTOP, or SIGCONT. */
  pause(): void;
  resume(): void;
  /** Stops an upstream's misbehaviour, now and after each later start. */
  behave(): void;
  /** SIGKILL, not counted. */
  end(): Promise<void>;
  /** Reserves it for one fault, until `free`. @returns false if it is reserved already */
  take(): boolean;
  free(): void;
}

/** The properties of a member. */
export interface MemberOptions {
  readonly name: string;
  readonly kind: string;
  /** The compiled main program. */
  readonly file: string;
  /** A preloaded process that can become any main program; one is always kept ready. */
  readonly spare?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The prefix of the line that reports it ready. */
  readonly ready: string;
  readonly log: string;
  readonly graceMs: number;
  readonly counts: Counts;
  readonly problems: Problems;
  /**
   * Called when a start begins. The result decides whether that start may fail with an error code or, if `why` is
   * undefined, take long, because a backend may be down.
   */
  readonly mayRefuse: () => (why: string | undefined) => boolean;
}

const startMs = 60_000;
/** How much longer than its grace period an exit may take on a busy machine while the database is down, ms. */
const lateMs = 30_000;
const maxFailures = 3;

/** Creates a member without starting it. */
export function createMember(options: MemberOptions): Member {
  const { name, kind, counts, problems } = options;
  let current: RunningProcess | undefined;
  let spare: RunningProcess | undefined;
  let taken = false;
  let behaves = false;
  /** Incremented by each start and end, so that an earlier start that still tries stops. */
  let generation = 0;

  function spawn(file: string, env: Readonly<Record<string, string>>): RunningProcess {
    return startProcess(file, {
      args: options.args ?? [],
      env: { ...options.env, ...env },
      onOutput(text) {
        appendFileSync(options.log, text);
        for (const [, what] of text.matchAll(/^misbehaves: (.+)$/gm)) counts.add(`misbehaves: ${what}`);
      },
    });
  }

  function launch(env: Readonly<Record<string, string>>): RunningProcess {
    const file = options.file;
    const running = spare ?? spawn(options.spare ?? file, env);
    if (options.spare !== undefined) running.child.send({ file, env });
    spare = undefined;
    current = running;
    if (behaves) running.child.send("behave");
    return running;
  }

  /** Forgets the current process before it is ended, so that `watch` does not report its exit. */
  function release(): RunningProcess | undefined {
    generation += 1;
    const running = current;
    current = undefined;
    return running;
  }

  async function watch(running: RunningProcess, more: Readonly<Record<string, string>>): Promise<void> {
    const exit = await running.exited;
    if (current !== running) return;
    current = undefined;
    problems.add(name, `ended by itself, ${describeExit(exit)}; the end of its output:\n${tail(running)}`);
    // The run continues, to show further problems and how the sagas end.
    await start(more).catch((error) => problems.add(name, String(error)));
  }

  async function start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const mine = ++generation;
    let failures = 0;
    while (mine === generation) {
      const mayRefuse = options.mayRefuse();
      const running = launch(more);
      const ready = await running.line(options.ready, startMs).then(
        () => true,
        () => false,
      );
      if (mine !== generation) return;
      if (ready) {
        if (options.spare !== undefined) spare = spawn(options.spare, {});
        void watch(running, more);
        return;
      }
      current = undefined;
      const why = /SAGA_[A-Z_]+/.exec(running.stderr())?.[0] ?? "";
      const { code } = await running.kill9();
      if (mayRefuse(code === 1 ? why : undefined)) {
        counts.add(code === 1 ? `start refused: ${why}` : "start took too long");
      } else {
        failures += 1;
        problems.add(name, `did not start, ${code === null ? "nor exit" : `exit ${code}`}:\n${tail(running)}`);
      }
      if (failures >= maxFailures) throw new Error(`${name} does not start`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  return {
    name,
    kind,
    start,
    async kill() {
      const running = release();
      const exit = await running?.kill9();
      if (exit?.signal === "SIGKILL") counts.add(`SIGKILL ${kind}`);
    },
    async leave() {
      const running = release();
      if (running === undefined) return;
      counts.add(`SIGTERM ${kind}`);
      const began = Date.now();
      const late = setTimeout(() => void running.kill9(), options.graceMs + lateMs);
      const exit = await running.stop("SIGTERM");
      clearTimeout(late);
      if (Date.now() - began > options.graceMs + 1_000) counts.add(`exceeded its grace period: ${kind}`);
      if (exit.code !== 0)
        problems.add(name, `did not exit with 0 on SIGTERM, ${describeExit(exit)}:\n${tail(running)}`);
    },
    pause() {
      if (current?.child.kill("SIGSTOP")) counts.add(`SIGSTOP ${kind}`);
    },
    resume() {
      current?.child.kill("SIGCONT");
    },
    behave() {
      behaves = true;
      if (current?.child.connected) current.child.send("behave");
    },
    async end() {
      await Promise.all([release()?.kill9(), spare?.kill9()]);
    },
    take() {
      const free = !taken;
      taken = true;
      return free;
    },
    free() {
      taken = false;
    },
  };
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit ${code}` : `by ${signal}`;
}

function tail(running: RunningProcess): string {
  return `${running.stdout()}${running.stderr()}`.slice(-2_000);
}
