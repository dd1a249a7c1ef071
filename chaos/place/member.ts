import { appendFileSync } from "node:fs";
import { type Exit, type RunningProcess, startProcess } from "../../test/support/process.js";
import type { Counts } from "../counts.js";
import type { Problems } from "../problems.js";

/** A process that faults happen to: a pod or an upstream. Faults take turns with it, see `take`. */
export interface Member {
  readonly name: string;
  /** "pod", "order", "payment": by which its faults are counted. */
  readonly kind: string;
  /** Starts it, and again until it takes calls. @param more environment of this start */
  start(more?: Readonly<Record<string, string>>): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGTERM: it must exit with 0, in time. */
  leave(): Promise<void>;
  /** SIGSTOP, or SIGCONT. */
  pause(): void;
  resume(): void;
  /** Tells it, now and at each start, that the faults are over. */
  behave(): void;
  /** SIGKILL that does not count. */
  end(): Promise<void>;
  /** Whether nobody has it now; then it is the caller's until `free`. */
  take(): boolean;
  free(): void;
}

/** What a member is. */
export interface MemberOptions {
  readonly name: string;
  readonly kind: string;
  /** The compiled main program. */
  readonly file: string;
  /** A program that can become any other at once: one is always kept ready. */
  readonly spare?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A line that says so begins with it. */
  readonly ready: string;
  readonly log: string;
  readonly graceMs: number;
  readonly counts: Counts;
  readonly problems: Problems;
  /**
   * Asked as a start begins. Whether that start may be refused, for a reason, or (undefined) wait for long: what it needs
   * may be away then.
   */
  readonly mayRefuse: () => (why: string | undefined) => boolean;
}

const startMs = 60_000;
/** How much longer than its grace a process may take to leave: on a machine that is busy, while its database is away. */
const lateMs = 30_000;
const mostFailures = 3;

/** Makes a member, not yet started. */
export function createMember(options: MemberOptions): Member {
  const { name, kind, counts, problems } = options;
  let current: RunningProcess | undefined;
  let spare: RunningProcess | undefined;
  let taken = false;
  let behaves = false;
  /** Whoever starts or ends it has the say from then on: an earlier start that still tries gives up. */
  let turn = 0;

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

  /** Whoever ends a process says so first: `current` is another then. */
  function release(): RunningProcess | undefined {
    turn += 1;
    const running = current;
    current = undefined;
    return running;
  }

  async function watch(running: RunningProcess, more: Readonly<Record<string, string>>): Promise<void> {
    const exit = await running.exited;
    if (current !== running) return;
    current = undefined;
    problems.add(name, `died by itself, ${describeExit(exit)}; the end of its output:\n${tail(running)}`);
    // The run goes on: it is to show what else is wrong, and what becomes of the sagas.
    await start(more).catch((error) => problems.add(name, String(error)));
  }

  async function start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const mine = ++turn;
    let failures = 0;
    while (mine === turn) {
      const mayRefuse = options.mayRefuse();
      const running = launch(more);
      const ready = await running.line(options.ready, startMs).then(
        () => true,
        () => false,
      );
      if (mine !== turn) return;
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
      if (failures >= mostFailures) throw new Error(`${name} does not start`);
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
      if (Date.now() - began > options.graceMs + 1_000) counts.add(`took longer than its grace to leave: ${kind}`);
      if (exit.code !== 0) problems.add(name, `did not leave as asked, ${describeExit(exit)}:\n${tail(running)}`);
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
