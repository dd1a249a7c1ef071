import { setTimeout as delay } from "node:timers/promises";
import {
  Channel,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  credentials,
  type Interceptor,
  Metadata,
  type MetadataValue,
} from "@grpc/grpc-js";
import type { Config, UpstreamConfig } from "../config/schema.js";
import { retriableKey } from "../core/plan.js";
import { Status } from "../core/status.js";
import type { UpstreamCall, UpstreamOutcome, Upstreams } from "../engine/ports.js";
import { asBuffer, childSpan, requestIdKey } from "./call.js";
import { readPem } from "./open.js";

/** What a program adds to the calls of its upstreams. */
export interface UpstreamOptions {
  /**
   * Metadata to add to each attempt, such as a token. Keys that protosaga sends itself are not replaced. If the function
   * throws, rejects, or takes longer than the attempt may, the attempt fails with UNAVAILABLE; no call was made.
   */
  readonly metadata?: (call: UpstreamCall) => CallMetadata | Promise<CallMetadata>;
  /** Client interceptors of grpc-js, for every call. They see requests and responses as bytes. Default: none. */
  readonly interceptors?: readonly Interceptor[];
  /** Credentials of a service's channel, instead of the configured `tls`. Default, or if undefined: as configured. */
  readonly credentials?: (service: string) => ChannelCredentials | undefined;
  /** Options of all channels. They override protosaga's. */
  readonly channelOptions?: ChannelOptions;
}

/** Metadata by key. */
export type CallMetadata = Readonly<Record<string, MetadataValue>>;

/** How to reach a service. */
interface Route {
  readonly channel: Channel;
  /** Makes the calls if there are interceptors. */
  readonly client: Client | undefined;
}

/** A channel to each configured upstream. Channels connect at their first call, and again whenever they are lost. */
export function createUpstreams(config: Pick<Config, "upstreams">, options: UpstreamOptions = {}): Upstreams {
  const routes = new Map<string, Route>();
  const shared = new Map<string, Route>();
  for (const [service, upstream] of Object.entries(config.upstreams)) {
    const own = options.credentials?.(service);
    // Services at one address, reached in one way, share a channel.
    const way = own === undefined ? JSON.stringify(upstream) : service;
    const route = shared.get(way) ?? connect(service, upstream, own, options);
    shared.set(way, route);
    routes.set(service, route);
  }

  return {
    async call(call) {
      const route = routes.get(call.service);
      if (route === undefined) {
        return failed(Status.UNAVAILABLE, `no address is configured for ${call.service}`);
      }
      const deadlineMs = Date.now() + call.timeoutMs;
      const metadata = new Metadata();
      if (options.metadata !== undefined) {
        try {
          await addMetadata(metadata, options.metadata, call);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          return failed(Status.UNAVAILABLE, `the metadata of the call could not be made: ${why}`);
        }
      }
      addOwnMetadata(metadata, call);
      return route.client === undefined
        ? unary(route.channel, call, metadata, deadlineMs)
        : interceptedUnary(route.client, call, metadata, deadlineMs);
    },
    close() {
      for (const { channel } of shared.values()) {
        channel.close();
      }
    },
  };
}

async function addMetadata(
  metadata: Metadata,
  make: NonNullable<UpstreamOptions["metadata"]>,
  call: UpstreamCall,
): Promise<void> {
  const timer = new AbortController();
  const late = delay(call.timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`it took longer than ${call.timeoutMs} ms`);
  });
  late.catch(() => {}); // Also once nobody waits for it.
  try {
    for (const [key, value] of Object.entries(await Promise.race([make(call), late]))) {
      metadata.set(key, value);
    }
  } finally {
    timer.abort();
  }
}

function addOwnMetadata(metadata: Metadata, call: UpstreamCall): void {
  metadata.set(requestIdKey, call.sagaId);
  metadata.set("idempotency-key", call.idempotencyKey);
  if (call.retriable) {
    metadata.set(retriableKey, "true");
  } else {
    metadata.remove(retriableKey);
  }
  metadata.set("traceparent", childSpan(call.traceparent));
}

/**
 * A unary call on the channel itself. grpc-js's client class encodes, decodes, intercepts and records a stack for each
 * call; none of that is needed here. The journal holds bytes, so bytes travel: nothing is encoded twice, and unknown
 * fields survive.
 */
function unary(channel: Channel, call: UpstreamCall, metadata: Metadata, deadlineMs: number): Promise<UpstreamOutcome> {
  const { service, path, body } = call;
  return new Promise((resolve) => {
    let answer: Buffer | undefined;
    let answered = false;
    const stream = channel.createCall(path, deadlineMs, null, null, null);
    stream.start(metadata, {
      onReceiveMetadata() {
        answered = true;
      },
      onReceiveMessage(message: Buffer) {
        answer = message;
      },
      onReceiveStatus({ code, details, metadata: trailer }) {
        if (code !== Status.OK) {
          resolve(failedCall(service, code, details, answered ? undefined : trailer));
        } else if (answer === undefined) {
          resolve(failed(Status.INTERNAL, `${path} answered OK without a message`));
        } else {
          resolve({ ok: true, body: answer });
        }
      },
    });
    stream.startRead();
    stream.sendMessageWithContext({}, asBuffer(body));
    stream.halfClose();
  });
}

/** The same through the program's interceptors. */
function interceptedUnary(
  client: Client,
  { service, path, body }: UpstreamCall,
  metadata: Metadata,
  deadline: number,
): Promise<UpstreamOutcome> {
  const same = (bytes: Buffer) => bytes;
  return new Promise<UpstreamOutcome>((resolve) => {
    let answered = false;
    const call = client.makeUnaryRequest(path, same, same, asBuffer(body), metadata, { deadline }, (error, answer) => {
      if (error !== null) {
        resolve(failedCall(service, error.code, error.details, answered ? undefined : error.metadata));
      } else {
        resolve({ ok: true, body: answer ?? Buffer.alloc(0) });
      }
    });
    call.on("metadata", () => {
      answered = true;
    });
  }).catch((error) => failed(Status.INTERNAL, `an interceptor failed: ${String(error)}`));
}

function connect(
  service: string,
  { address, tls, keepalive_ms }: UpstreamConfig,
  own: ChannelCredentials | undefined,
  { channelOptions, interceptors = [] }: UpstreamOptions,
): Route {
  const secured = own ?? channelCredentials(service, tls);
  const channel = new Channel(address, secured, {
    // Retries are the engine's, which journals them; grpc-js then also spares its retry buffer.
    "grpc.enable_retries": 0,
    // Nobody asks for channelz, and counting for it costs.
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": keepalive_ms,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    "grpc.service_config_disable_resolution": 1,
    ...channelOptions,
  });
  const options = { channelOverride: channel, interceptors: [...interceptors] };
  return { channel, client: interceptors.length === 0 ? undefined : new Client(address, secured, options) };
}

function channelCredentials(service: string, tls: UpstreamConfig["tls"]): ChannelCredentials {
  const read = (key: "ca" | "key" | "cert") => {
    const path = tls[key];
    return path === undefined ? null : readPem(path, `upstreams["${service}"].tls.${key}`);
  };
  return tls.enabled ? credentials.createSsl(read("ca"), read("key"), read("cert")) : credentials.createInsecure();
}

/** @param trailer undefined if the upstream sent headers */
function failedCall(service: string, code: number, details: string, trailer: Metadata | undefined): UpstreamOutcome {
  // A status that comes from an upstream has headers, or at least the content type beside it.
  const unreached = code === Status.UNAVAILABLE && trailer !== undefined && Object.keys(trailer.getMap()).length === 0;
  // grpc-js names an address at most, and ends with a note that is mostly empty.
  const text = `${service} gave no answer: ${details.replace(/\. Resolution note: $/, "")}`;
  return failed(code, unreached ? text : details);
}

function failed(code: number, message: string): UpstreamOutcome {
  return { ok: false, code, message };
}
