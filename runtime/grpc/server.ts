import { type ChannelOptions, Server, type ServerInterceptor } from "@grpc/grpc-js";
import type { Config, ConfigInput } from "../config/schema.js";
import type { Log } from "../engine/ports.js";
import { expectFree, type Listener, listen } from "./listen.js";
import { createLoadShedding, limitOptions } from "./load-shedding.js";
import { EmbeddedSagas, type Sagas, type SagasOptions } from "./sagas.js";

/** What a server is made of. */
export interface ServerOptions extends SagasOptions {
  /** Checked here; see `runServer` for a server that reads `app.yaml` and the environment. */
  readonly config: ConfigInput;
  /** Interceptors of grpc-js. They run for every call, in this order, after load shedding. Default: none. */
  readonly interceptors?: readonly ServerInterceptor[];
  /** Options of the grpc-js server, such as `grpc.max_receive_message_length`. They override those of `limits`. */
  readonly channelOptions?: ChannelOptions;
  /** Starts what the program needs beside the server. Runs once the port is known to be free, before all else. */
  readonly prepare?: (config: Config) => Promise<void>;
}

/** A server that takes calls. */
export interface SagaServer {
  /** The port that it listens on. */
  readonly port: number;
  readonly sagas: Sagas;
  readonly logger: Log;
  /**
   * Takes no new sagas, lets the running ones finish for up to the configured grace, and stops. What is not finished
   * continues at the next start.
   * @returns how many sagas still had a client waiting, or a call in flight
   */
  close(): Promise<number>;
}

/** How long the last answers may take to leave once everything has stopped, ms. */
const lastAnswersMs = 1_000;

/**
 * Starts a server: {@link createSagas} on a gRPC server of its own, with load shedding, TLS, health and reflection.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_DEFINITION_INVALID, SAGA_NODE_TODO, SAGA_LISTEN_FAILED or SAGA_JOURNAL_*
 */
export async function startServer(options: ServerOptions): Promise<SagaServer> {
  const sagas = new EmbeddedSagas(options);
  const { config, log, services } = sagas;
  await expectFree(config.listen);
  await options.prepare?.(config);
  const shedding = createLoadShedding({ services, sagas, limits: config.limits, log });
  const server = new Server({
    "grpc.enable_channelz": 0,
    ...limitOptions(config.limits),
    ...options.channelOptions,
    interceptors: [shedding.interceptor, ...(options.interceptors ?? [])],
  });
  let listener: Listener | undefined;
  const stop = async () => {
    shedding.close();
    await sagas.stop(async () => listener?.close(lastAnswersMs));
  };
  try {
    sagas.addTo(server, { health: true, reflection: true });
    // Only now that nothing more can be wrong with the services: it recovers what the last process left.
    await sagas.start();
    listener = await listen(server, config);
    return {
      port: listener.port,
      sagas,
      logger: log,
      async close() {
        const left = await sagas.drain();
        await stop();
        return left;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
