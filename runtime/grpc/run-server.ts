import { strayVariables } from "../config/environment.js";
import { loadConfig } from "../config/load.js";
import type { ConfigInput } from "../config/schema.js";
import { isSagaError } from "../core/errors.js";
import { runCheckSagas } from "./check-sagas.js";
import { type SagaServer, type ServerOptions, startServer } from "./server.js";
import { checkServices, keyNames } from "./services.js";

/** What a server's main program says. */
export interface RunOptions extends Omit<ServerOptions, "config"> {
  /** What the ready line calls the server: "booking server". */
  readonly name: string;
  /** Overridden by `app.yaml` in `OCH_PATH` and by the environment. */
  readonly defaults?: ConfigInput;
  /** Called once the server has stopped, before the process exits. */
  readonly onClosed?: () => Promise<void> | void;
  /**
   * The arguments that are read here. Default: those of the command line. A program with positional arguments of its own
   * passes `[]`, or what it leaves.
   */
  readonly args?: readonly string[];
}

/** How long after the first signal others count as that one, ms: under a wrapper such as `tsx` one Ctrl-C comes twice. */
const sameSignalMs = 1_000;

/**
 * Runs a server as a program. It reads the configuration, prints `<name> ready on <address>` once it takes calls, and
 * drains on SIGTERM and SIGINT; another signal at least one second later stops it at once. If it can't start, it prints the
 * reason on standard error, and the process exits with 1. With the argument `check-sagas` it starts nothing and reports
 * the sagas in flight that its code can't run, see docs/how-to/change-a-facade.md. It refuses any other first argument
 * with exit code 2, unless `args` is given; flags are the program's own.
 * @returns undefined if the server did not start
 */
export async function runServer({
  name,
  defaults = {},
  onClosed,
  args = process.argv.slice(2),
  ...options
}: RunOptions): Promise<SagaServer | undefined> {
  if (args[0] === "check-sagas") {
    const { services } = options;
    process.exitCode = await runCheckSagas({ name, services, defaults, args: args.slice(1) });
    return undefined;
  }
  if (args[0] !== undefined && !args[0].startsWith("-")) {
    // Above all a mistyped check-sagas must not start a server.
    process.stderr.write(
      `${name}: unknown argument ${JSON.stringify(args[0])}; there is: check-sagas [--json]. If it is the program's own, give runServer \`args: []\`\n`,
    );
    process.exitCode = 2;
    await onClosed?.();
    return undefined;
  }
  let server: SagaServer | undefined;
  let closing = false;
  let graceMs = 0;
  let askedMs = Number.NEGATIVE_INFINITY;
  const stop = (signal: NodeJS.Signals) => {
    const nowMs = performance.now();
    if (nowMs - askedMs < sameSignalMs) {
      return;
    }
    if (!closing) {
      askedMs = nowMs;
    }
    if (closing || server === undefined) {
      // Asked twice, or while it starts: nothing is answered yet that the journal does not hold.
      Promise.resolve(onClosed?.()).finally(() => process.exit(closing ? 1 : 0));
      closing = true;
      return;
    }
    closing = true;
    drain(server, signal, { graceMs, onClosed });
  };
  // A reader of our output that is gone must not keep us from ending.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  process.on("uncaughtException", (error) => {
    if (isLateGrpcAnswer(error)) {
      server?.logger.debug({ err: error }, "a client gave up a call before it was answered");
    } else if (process.listenerCount("uncaughtException") === 1) {
      // As Node.js does without a listener.
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    }
  });
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  try {
    const names = keyNames(checkServices(options.services));
    const config = loadConfig({ env: process.env, ...names, defaults });
    graceMs = config.shutdown_grace_ms;
    server = await startServer({ ...options, config });
    for (const variable of strayVariables(process.env, names)) {
      server.logger.warn({ variable }, "this variable looks like a key of the configuration, and there is no such key");
    }
    const host = config.listen.slice(0, config.listen.lastIndexOf(":"));
    process.stdout.write(`${name} ready on ${host}:${server.port}\n`);
    return server;
  } catch (error) {
    // A SagaError says what is wrong and how to fix it. A stack would only hide that.
    const text = isSagaError(error) ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`${name} can't start. ${text}\n`);
    process.exitCode = 1;
    await onClosed?.();
    return undefined;
  }
}

/**
 * Whether an uncaught exception is a known error of grpc-js that a program should ignore. A grpc-js server (1.14) answers a
 * call of an unknown method, or with a wrong content type, without checking whether the client has cancelled it. Over TLS
 * such a call can be over by then, and grpc-js throws ERR_HTTP2_INVALID_STREAM from an event of HTTP/2. Nothing is broken,
 * but without this check any client can end the program. `runServer` ignores it; other programs with a grpc-js server over
 * TLS must do so in their own handler of "uncaughtException".
 */
export function isLateGrpcAnswer(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_HTTP2_INVALID_STREAM";
}

interface Leave {
  readonly onClosed: RunOptions["onClosed"] | undefined;
  /** How long all may take, ms. */
  readonly graceMs: number;
}

function drain(server: SagaServer, signal: NodeJS.Signals, { graceMs, onClosed }: Leave): void {
  server.logger.info({ signal }, "draining");
  // A database or broker that does not answer can't delay the end. The journal has everything that clients were answered.
  setTimeout(() => {
    server.logger.warn(
      { grace_ms: graceMs },
      "stopped at the end of the grace period; unfinished sagas continue from the journal",
    );
    Promise.resolve(onClosed?.()).finally(() => process.exit(0));
  }, graceMs);
  server
    .close()
    .then(async (left) => {
      await onClosed?.();
      server.logger.info({ left }, "stopped");
      process.exit(0);
    })
    .catch((err) => {
      server.logger.error({ err }, "the server did not stop cleanly");
      process.exit(1);
    });
}
