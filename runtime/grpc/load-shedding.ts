import { monitorEventLoopDelay } from "node:perf_hooks";
import {
  type ServerOptions as GrpcServerOptions,
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
} from "@grpc/grpc-js";
import type { Config } from "../config/schema.js";
import { SagaError } from "../core/errors.js";
import type { Engine } from "../engine/engine.js";
import type { Log } from "../engine/ports.js";
import type { FacadeDefinition, SagaService } from "../facade/definition.js";
import { errorStatus, isRequestId, sentRequestId } from "./call.js";

/** How often the event loop's delay is sampled, and for how long samples are averaged, ms. */
const sampleMs = 10;
const averageMs = 500;

interface Parts {
  readonly services: readonly SagaService[];
  /** The sagas, whose engine exists once a call arrives. */
  readonly sagas: { readonly engine: Pick<Engine, "knows" | "refusal"> };
  readonly limits: Config["limits"];
  readonly log: Log;
}

/** Keeps calls that the server has no room for away from those that it has accepted. */
export interface LoadShedding {
  /** Comes before all other interceptors: a refused call costs nothing that can be left out. */
  readonly interceptor: ServerInterceptor;
  /** Ends the measurement of the event loop. */
  close(): void;
}

/** The limits that grpc-js enforces itself. A client waits with the calls for which its connection has no free stream. */
export function limitOptions(limits: Config["limits"]): GrpcServerOptions {
  return {
    "grpc.max_concurrent_streams": limits.streams,
    "grpc.keepalive_time_ms": limits.keepalive_ms,
    "grpc.max_connection_idle_ms": limits.idle_ms,
  };
}

/**
 * Refuses calls of facades with RESOURCE_EXHAUSTED before their requests are read: when the facade's queue or the memory
 * is full, or the event loop is late. A call under the id of a saga that runs here is never refused: it only joins.
 * A unary call of any method whose request isn't complete in time ends with DEADLINE_EXCEEDED.
 */
export function createLoadShedding({ services, sagas, limits, log }: Parts): LoadShedding {
  const facades = facadesByPath(services);
  const loop = watchEventLoop();

  function refusalOf(facade: FacadeDefinition, metadata: Metadata): SagaError | undefined {
    const id = sentRequestId(metadata);
    // The handler says what is wrong with the id.
    if (!isRequestId(id) || sagas.engine.knows(id)) {
      return undefined;
    }
    const refusal = loop.delayMs() > limits.event_loop_delay_ms ? busy : sagas.engine.refusal(facade);
    if (refusal !== undefined) {
      log.debug({ saga: id, facade: facade.name, reason: refusal.code }, refusal.plain);
    }
    return refusal;
  }

  return {
    interceptor({ path, requestStream }, call) {
      const facade = facades.get(path);
      let incomplete: NodeJS.Timeout | undefined;
      return new ServerInterceptingCall(call, {
        start: (next) =>
          next({
            onReceiveMetadata(metadata, pass) {
              const refusal = facade === undefined ? undefined : refusalOf(facade, metadata);
              if (refusal !== undefined) {
                call.sendStatus(errorStatus(refusal, sentRequestId(metadata)));
                return;
              }
              if (!requestStream) {
                incomplete = setTimeout(() => call.sendStatus(errorStatus(tooSlow)), limits.request_ms);
              }
              pass(metadata);
            },
            onReceiveHalfClose(pass) {
              clearTimeout(incomplete);
              pass();
            },
            onCancel: () => clearTimeout(incomplete),
          }),
      });
    },
    close: loop.close,
  };
}

// Always the same errors: a server that refuses thousands of calls has no time for their stacks.
const busy = new SagaError("SAGA_QUEUE_FULL", "the server is overloaded; call again later with the same request id");
const tooSlow = new SagaError(
  "SAGA_REQUEST_INCOMPLETE",
  "the request was not complete within limits.request_ms; nothing was started",
);

function facadesByPath(services: readonly SagaService[]): ReadonlyMap<string, FacadeDefinition> {
  const byPath = new Map<string, FacadeDefinition>();
  for (const { definition, facades } of services) {
    for (const [name, { path }] of Object.entries(definition)) {
      const facade = facades[name];
      if (facade !== undefined) {
        byPath.set(path, facade);
      }
    }
  }
  return byPath;
}

/** How late the event loop is, ms: in the better of the last two half seconds, so that one long pause does not count. */
function watchEventLoop() {
  const samples = monitorEventLoopDelay({ resolution: sampleMs });
  samples.enable();
  let [before, latest] = [0, 0];
  const timer = setInterval(() => {
    before = latest;
    // A sample is the time between two timers: `sampleMs` if the loop is idle. The mean of no samples is NaN.
    latest = Math.max(0, samples.mean / 1e6 - sampleMs) || 0;
    samples.reset();
  }, averageMs);
  timer.unref();
  return {
    delayMs: () => Math.min(before, latest),
    close() {
      clearInterval(timer);
      samples.disable();
    },
  };
}
