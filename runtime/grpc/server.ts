import { Server, type ServerInterceptor } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import type { Logger } from "pino";
import type { BrokerObserver } from "../broker/broker.js";
import { checkConfig } from "../config/load.js";
import type { Config, ConfigInput } from "../config/schema.js";
import { Changes } from "../engine/changes.js";
import { Engine } from "../engine/engine.js";
import type { Completion } from "../engine/messages.js";
import { type Clock, systemClock } from "../engine/ports.js";
import type { SagaService } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { healthDescriptors } from "../pb/health/v1/health-descriptors.js";
import { addServices } from "./add-services.js";
import { checkServices, keyNames } from "./check-services.js";
import { expectFree, type Listener, listen } from "./listen.js";
import { createLoadShedding, limitOptions } from "./load-shedding.js";
import { createLog } from "./log.js";
import { openBroker } from "./open-broker.js";
import { openJournal } from "./open-journal.js";
import { addReflection } from "./reflection.js";
import { sagaService, sagaServiceAbout } from "./saga-service.js";
import { completionOf, concurrencyOf, withPrefix } from "./topics.js";
import { createUpstreams } from "./upstreams.js";

/** What a server is made of. */
export interface ServerOptions {
  /** What the generated handler files export. */
  readonly services: readonly SagaService[];
  /** Checked here; see `runServer` for a server that reads `app.yaml` and the environment. */
  readonly config: ConfigInput;
  /** Default: pino on standard error, at the configured level. */
  readonly logger?: Logger;
  /** Opens the journal. Default: the configured one. */
  readonly openJournal?: () => Journal | Promise<Journal>;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Told how the broker does, for metrics: lag, errors, dead letters. */
  readonly observer?: Partial<BrokerObserver>;
  /**
   * Handles the messages on the completion topic: one for each saga that has ended, more after a crash. A rejection has
   * the message delivered again. Needs `completion_topic` in the configuration.
   */
  readonly onCompletion?: (completion: Completion) => Promise<void>;
  /** Interceptors of grpc-js. They run for every call, in this order. Default: none. */
  readonly interceptors?: readonly ServerInterceptor[];
  /** Starts what the program wants beside the server. Runs once the port is known to be free, before all else. */
  readonly prepare?: (config: Config) => Promise<void>;
}

/** A server that takes calls. */
export interface SagaServer {
  /** The port that it listens on. */
  readonly port: number;
  readonly engine: Engine;
  readonly logger: Logger;
  /**
   * Takes no new sagas, lets the running ones finish for up to the configured grace, and stops. What is not finished
   * is left to the next start.
   * @returns how many sagas still had a client waiting, or a call under way: others that are open just wait to be carried on
   */
  close(): Promise<number>;
}

/**
 * Starts a server: binds the port, opens the journal, takes up what the last process left, and takes calls.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_DEFINITION_INVALID, SAGA_NODE_TODO, SAGA_LISTEN_FAILED or SAGA_JOURNAL_*
 */
export async function startServer(options: ServerOptions): Promise<SagaServer> {
  const { clock = systemClock } = options;
  const config = checkConfig(options.config, keyNames(checkServices(options.services)));
  const services = withPrefix(options.services, config.topic_prefix);
  const facades = checkServices(services);
  const completion = completionOf(config, facades, options.onCompletion);
  const logger = options.logger ?? createLog(config.log_level, config.pod_id);

  await expectFree(config.listen);
  await options.prepare?.(config);
  const opened: (() => Promise<unknown> | unknown)[] = [];
  const closeAll = async () => {
    for (const close of opened.splice(0).reverse()) {
      await close();
    }
  };
  try {
    const journal = await (options.openJournal?.() ?? openJournal(config, logger, clock));
    opened.push(() => journal.close());
    const upstreams = createUpstreams(config);
    opened.push(() => upstreams.close());
    const { observer = {} } = options;
    const extraTopics = completion === undefined || completion.handler !== undefined ? [] : [completion.topic];
    const broker = await openBroker({ config, journal, logger, observer, extraTopics });
    let listener: Listener | undefined;
    opened.push(() => listener?.close(lastAnswersMs));
    const changes = new Changes(journal);
    const engine = new Engine({
      facades,
      journal,
      broker,
      upstreams,
      clock,
      log: logger,
      changes,
      limits: config.queue_limit,
      concurrencyOf: concurrencyOf(config),
      completion,
      retentionMs: config.journal.retention_ms === "forever" ? undefined : config.journal.retention_ms,
    });
    // Pushed last, so stopped first: whoever still waits for a saga then gets an answer on the way out.
    opened.push(() => engine.stop());

    const shedding = createLoadShedding({ services, engine, limits: config.limits, log: logger });
    opened.push(() => shedding.close());
    const server = new Server({
      "grpc.enable_channelz": 0,
      ...limitOptions(config.limits),
      interceptors: [shedding.interceptor, ...(options.interceptors ?? [])],
    });
    const byName = new Map(facades.map((facade) => [facade.name, facade]));
    const sagas = sagaService({ journal, byName, changes, log: logger });
    const served = [...services, sagaServiceAbout];
    const names = ["", ...served.map(({ name }) => name)];
    const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, "SERVING"])));
    addServices(server, services, engine, logger);
    sagas.addToServer(server);
    health.addToServer(server);
    addReflection(server, [...served, { name: "grpc.health.v1.Health", descriptors: healthDescriptors }]);
    // Only now that nothing more can be wrong with the services: it takes up what the last process left.
    await engine.start();
    listener = await listen(server, config);

    return {
      port: listener.port,
      engine,
      logger,
      async close() {
        for (const name of names) {
          health.setStatus(name, "NOT_SERVING");
        }
        const left = await engine.drain(config.shutdown_grace_ms * drainShare);
        // Whoever watches sees how the sagas that ran here ended, and is told where one has not.
        sagas.drain();
        await closeAll();
        return left;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** How much of the grace running sagas may take: the rest is for the answers, the broker and the journal. */
const drainShare = 0.8;

/** How long answers under way may take to leave once everything is done, ms. */
const lastAnswersMs = 1_000;
