import { HealthImplementation } from "grpc-health-check";
import type { Broker, BrokerObserver } from "../broker/broker.js";
import { checkConfig } from "../config/load.js";
import type { Config, ConfigInput } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import { Changes } from "../engine/changes.js";
import { Engine, type EngineOptions } from "../engine/engine.js";
import type { Completion } from "../engine/messages.js";
import type { OperatorAct } from "../engine/operator.js";
import { type Clock, type Log, type SagaHooks, systemClock, type Upstreams } from "../engine/ports.js";
import type { FacadeDefinition, SagaService } from "../facade/definition.js";
import type { Journal } from "../journal/journal.js";
import { healthDescriptors } from "../pb/health/v1/health-descriptors.js";
import type { Authorize } from "./call.js";
import { type FacadeHost, type RunSagaOptions, runFacade } from "./facade-calls.js";
import { createLog } from "./log.js";
import { openBroker, openJournal } from "./open.js";
import { addReflection } from "./reflection.js";
import { type RunningSagaService, sagaService, sagaServiceAbout } from "./saga-service.js";
import {
  addServices,
  checkServices,
  completionOf,
  concurrencyOf,
  keyNames,
  type ServiceRegistry,
  withPrefix,
} from "./services.js";
import { createUpstreams, type UpstreamOptions } from "./upstreams.js";

/** What sagas are run with. Each piece is a section of the configuration, or an object that is ready to use. */
export interface SagasOptions {
  /** What the generated handler files export. */
  readonly services: readonly SagaService[];
  /** The configuration, as in `app.yaml`. `listen`, `tls` and `limits` only concern {@link startServer}. */
  readonly config?: ConfigInput;
  /** Section `journal`, a journal, or a function that opens one at the start. `stop` closes it. */
  readonly journal?: ConfigInput["journal"] | Journal | (() => Journal | Promise<Journal>);
  /** Section `broker`, or a broker. `stop` closes it. */
  readonly broker?: ConfigInput["broker"] | Broker;
  /** Section `upstreams`, or what makes the calls instead. `stop` closes it. */
  readonly upstreams?: ConfigInput["upstreams"] | Upstreams;
  /** What to add to the calls of configured upstreams. */
  readonly upstreamOptions?: UpstreamOptions;
  /** Default: pino on standard error, at the configured level. */
  readonly logger?: Log;
  /** Called at points of a saga's life. They run in the saga's loop, so they must be quick. Default: none. */
  readonly hooks?: SagaHooks;
  /** Which gRPC clients may call facades and SagaService. Calls of `run` are the program's own. Default: all clients. */
  readonly authorize?: Authorize;
  /** Default: the machine's clock. */
  readonly clock?: Clock;
  /** Receives what happens to the broker, for metrics: lag, errors, dead letters. */
  readonly observer?: Partial<BrokerObserver>;
  /**
   * Handles the messages on the completion topic: one for each saga that has ended, more after a crash. If it rejects,
   * the message is delivered again. Needs `completion_topic` in the configuration.
   */
  readonly onCompletion?: (completion: Completion) => Promise<void>;
}

/** What to add to a server besides the services with facades. */
export interface AddOptions {
  /** saga.v1.SagaService. Default: true */
  readonly sagaService?: boolean;
  /** gRPC health of all these services. Default: false */
  readonly health?: boolean;
  /** gRPC reflection of all these services. Default: false */
  readonly reflection?: boolean;
}

/** Runs sagas in this process. */
export interface Sagas {
  /**
   * Adds the services to a grpc-js server that the program made. Calls fail with UNAVAILABLE (SAGA_NOT_STARTED) until
   * `start` has resolved.
   * @throws SagaError SAGA_DEFINITION_INVALID if an RPC is no facade and has no handler
   */
  addTo(server: ServiceRegistry, options?: AddOptions): void;
  /**
   * Opens the journal and the broker, and recovers the sagas that the last process left.
   * @throws SagaError SAGA_CONFIG_INVALID, SAGA_BROKER_UNAVAILABLE or SAGA_JOURNAL_*
   */
  start(): Promise<void>;
  /**
   * Runs a saga without gRPC. Resolves with the facade's response; an async facade's as soon as the saga is durably
   * accepted.
   * @throws SagaRunError if the saga fails or is refused, with the status that a gRPC client gets
   * @throws the signal's reason if it aborts. The saga continues.
   */
  run<Request, Response>(
    facade: FacadeDefinition<Request, Response>,
    request: NoInfer<Request>,
    options?: RunSagaOptions,
  ): Promise<Response>;
  /** What an operator can do about a saga that is STUCK. @throws SagaError SAGA_NOT_STARTED */
  readonly operator: {
    /** Retries the compensation, with its attempts counted from 0. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
    retry(act: OperatorAct): Promise<void>;
    /** Declares the compensation done. @throws SagaError SAGA_NOT_FOUND, SAGA_NOT_STUCK */
    skip(act: OperatorAct): Promise<void>;
  };
  /**
   * Accepts no new sagas, and waits for those that clients wait for and for calls in flight.
   * @param graceMs how long it waits at most, ms. Default: 80% of `shutdown_grace_ms`
   * @returns how many sagas still had a client waiting, or a call in flight
   */
  drain(graceMs?: number): Promise<number>;
  /** Stops at once, and closes what was opened. What still runs continues at the next start. */
  stop(): Promise<void>;
}

/**
 * Prepares to run sagas in a program: `addTo` a gRPC server, or `run` them without one, after `start`.
 * @throws SagaError SAGA_CONFIG_INVALID, SAGA_DEFINITION_INVALID or SAGA_NODE_TODO
 */
export function createSagas(options: SagasOptions): Sagas {
  return new EmbeddedSagas(options);
}

interface Running {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly changes: Changes;
}

/** Created → starting → running → draining → stopped; calls are refused except while it runs, or drains. */
export class EmbeddedSagas implements Sagas {
  readonly config: Config;
  readonly log: Log;
  /** The services, with the configured prefix before their topics. */
  readonly services: readonly SagaService[];
  readonly #options: SagasOptions;
  readonly #byName: ReadonlyMap<string, FacadeDefinition>;
  readonly #completion: EngineOptions["completion"];
  readonly #host: FacadeHost;
  readonly #sagaService: RunningSagaService;
  readonly #health: HealthImplementation;
  readonly #healthNames: readonly string[];
  readonly #opened: (() => Promise<unknown> | unknown)[] = [];
  /** Exists once it may have to be stopped. */
  #engine: Engine | undefined;
  /** Exists once calls are taken. */
  #running: Running | undefined;
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: SagasOptions) {
    const { services, broker, upstreams, authorize, clock = systemClock } = options;
    const names = keyNames(checkServices(services));
    this.config = checkConfig(configOf(options), isUpstreams(upstreams) ? { ...names, upstreams: [] } : names);
    this.services = withPrefix(services, this.config.topic_prefix);
    const facades = checkServices(this.services);
    const isEmbedded = !isBroker(broker) && this.config.broker.kind === "embedded";
    this.#completion = completionOf(this.config, facades, options.onCompletion, isEmbedded);
    this.#options = options;
    this.#byName = new Map(facades.map((facade) => [facade.name, facade]));
    this.log = options.logger ?? createLog(this.config.log_level, this.config.pod_id);
    const log = this.log;
    this.#host = { log, clock, authorize, engine: () => this.engine };
    const source = () => ({ ...this.#parts(), byName: this.#byName });
    this.#sagaService = sagaService({ source, log, authorize });
    this.#healthNames = ["", ...[...services, sagaServiceAbout].map(({ name }) => name)];
    this.#health = new HealthImplementation(Object.fromEntries(this.#healthNames.map((name) => [name, "NOT_SERVING"])));
  }

  /** @throws SagaError SAGA_NOT_STARTED */
  get engine(): Engine {
    return this.#parts().engine;
  }

  get operator(): Sagas["operator"] {
    return this.engine.operator;
  }

  addTo(server: ServiceRegistry, { sagaService = true, health = false, reflection = false }: AddOptions = {}): void {
    addServices(server, this.services, this.#host);
    const served: Pick<SagaService, "name" | "descriptors">[] = [...this.services];
    if (sagaService) {
      this.#sagaService.addToServer(server);
      served.push(sagaServiceAbout);
    }
    if (health) {
      this.#health.addToServer(server);
      served.push({ name: "grpc.health.v1.Health", descriptors: healthDescriptors });
    }
    if (reflection) {
      addReflection(server, served);
    }
  }

  start(): Promise<void> {
    const stopped = () => Promise.reject(new SagaError("SAGA_DRAINING", "these sagas have been stopped"));
    this.#started ??= this.#stopped === undefined ? this.#start() : stopped();
    return this.#started;
  }

  async run<Request, Response>(
    facade: FacadeDefinition<Request, Response>,
    request: NoInfer<Request>,
    options: RunSagaOptions = {},
  ): Promise<Response> {
    const own = this.#byName.get(facade.name);
    if (own?.fingerprint !== facade.fingerprint) {
      throw new SagaError("SAGA_DEFINITION_INVALID", `${facade.name} is not in the services of these sagas`);
    }
    return runFacade(this.#host, own, facade, request, options);
  }

  async drain(graceMs = this.config.shutdown_grace_ms * drainShare): Promise<number> {
    this.#setHealth("NOT_SERVING");
    const left = (await this.#running?.engine.drain(graceMs)) ?? 0;
    // Watchers get the end of the sagas that ran here, and the end of the stream for the others.
    this.#sagaService.drain();
    return left;
  }

  /** @param lastAnswers lets answers leave, before what they may need is closed */
  stop(lastAnswers: () => Promise<void> = async () => {}): Promise<void> {
    this.#stopped ??= this.#stop(lastAnswers);
    return this.#stopped;
  }

  async #start(): Promise<void> {
    const { config, log } = this;
    const { hooks, clock = systemClock } = this.#options;
    try {
      const journal = await this.#openJournal(clock);
      this.#opened.push(() => journal.close());
      const { upstreams: given, upstreamOptions } = this.#options;
      const upstreams = isUpstreams(given) ? given : createUpstreams(config, upstreamOptions);
      this.#opened.push(() => upstreams.close());
      const broker = await this.#openBroker(journal);
      const changes = new Changes(journal);
      const { retention_ms: retentionMs } = config.journal;
      const engine = new Engine({
        facades: [...this.#byName.values()],
        journal,
        broker,
        upstreams,
        clock,
        log,
        changes,
        limits: config.queue_limit,
        concurrencyOf: concurrencyOf(config),
        completion: this.#completion,
        retentionMs: retentionMs === "forever" ? undefined : retentionMs,
        hooks: hooks && guarded(hooks, log),
      });
      this.#engine = engine;
      await engine.start();
      this.#running = { engine, journal, changes };
      this.#setHealth("SERVING");
    } catch (error) {
      await this.#closeAll();
      throw error;
    }
  }

  async #stop(lastAnswers: () => Promise<void>): Promise<void> {
    await this.#started?.catch(() => {});
    this.#setHealth("NOT_SERVING");
    this.#sagaService.drain();
    await this.#closeAll(lastAnswers);
  }

  /** Stops the engine first: those who still wait for a saga get an answer, which may then leave. */
  async #closeAll(lastAnswers: () => Promise<void> = async () => {}): Promise<void> {
    await this.#engine?.stop();
    await lastAnswers();
    for (const close of this.#opened.splice(0).reverse()) {
      await close();
    }
  }

  /** @throws SagaError SAGA_NOT_STARTED */
  #parts(): Running {
    if (this.#running === undefined) {
      throw new SagaError("SAGA_NOT_STARTED", "the sagas have not started yet; call again");
    }
    return this.#running;
  }

  async #openJournal(clock: Clock): Promise<Journal> {
    const { journal } = this.#options;
    if (typeof journal === "function") {
      return journal();
    }
    return isJournal(journal) ? journal : openJournal(this.config, this.log, clock);
  }

  async #openBroker(journal: Journal): Promise<Broker> {
    const { broker, observer = {} } = this.#options;
    if (isBroker(broker)) {
      return broker;
    }
    const completion = this.#completion;
    const extraTopics = completion === undefined || completion.handler !== undefined ? [] : [completion.topic];
    return openBroker({ config: this.config, journal, log: this.log, observer, extraTopics });
  }

  #setHealth(status: "SERVING" | "NOT_SERVING"): void {
    for (const name of this.#healthNames) {
      this.#health.setStatus(name, status);
    }
  }
}

/** How much of the grace running sagas may take: the rest is for the answers, the broker and the journal. */
const drainShare = 0.8;

/** The configuration with the sections that are given apart from it. */
function configOf({ config = {}, journal, broker, upstreams }: SagasOptions): ConfigInput {
  return {
    ...config,
    ...(journal === undefined || isJournal(journal) || typeof journal === "function" ? {} : { journal }),
    ...(broker === undefined || isBroker(broker) ? {} : { broker }),
    ...(upstreams === undefined || isUpstreams(upstreams) ? {} : { upstreams }),
  };
}

function isJournal(piece: SagasOptions["journal"]): piece is Journal {
  return typeof piece === "object" && "append" in piece;
}

function isBroker(piece: SagasOptions["broker"]): piece is Broker {
  return piece !== undefined && "publish" in piece;
}

function isUpstreams(piece: SagasOptions["upstreams"]): piece is Upstreams {
  return piece !== undefined && typeof piece.call === "function";
}

/** Hooks whose errors are logged, each hook's once, and go no further. */
function guarded(hooks: SagaHooks, log: Log): SagaHooks {
  function guard<Event>(name: string, hook: ((event: Event) => void) | undefined) {
    let logged = false;
    return (
      hook &&
      ((event: Event) => {
        try {
          hook.call(hooks, event);
        } catch (err) {
          log[logged ? "debug" : "error"]({ hook: name, err }, "lifecycle hook threw an error");
          logged = true;
        }
      })
    );
  }
  return {
    sagaStarted: guard("sagaStarted", hooks.sagaStarted),
    sagaEnded: guard("sagaEnded", hooks.sagaEnded),
    sagaStuck: guard("sagaStuck", hooks.sagaStuck),
    attemptStarted: guard("attemptStarted", hooks.attemptStarted),
    attemptEnded: guard("attemptEnded", hooks.attemptEnded),
  };
}
