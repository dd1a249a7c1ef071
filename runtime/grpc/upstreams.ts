import { Channel, type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";
import type { Config, UpstreamConfig } from "../config/schema.js";
import { retriableKey } from "../core/metadata.js";
import { Status } from "../core/status.js";
import type { UpstreamCall, UpstreamOutcome, Upstreams } from "../engine/ports.js";
import { readPem } from "./pem.js";
import { requestIdKey } from "./request-id.js";
import { childSpan } from "./trace-context.js";

/** A channel to each configured upstream. Channels connect at their first call, and again whenever they are lost. */
export function createUpstreams(config: Pick<Config, "upstreams">): Upstreams {
  const channels = new Map<string, Channel>();
  const byAddress = new Map<string, Channel>();
  for (const [service, upstream] of Object.entries(config.upstreams)) {
    // Services at one address, reached in one way, share a channel.
    const way = JSON.stringify(upstream);
    const channel = byAddress.get(way) ?? connect(service, upstream);
    byAddress.set(way, channel);
    channels.set(service, channel);
  }

  return {
    async call(call) {
      const channel = channels.get(call.service);
      return channel === undefined
        ? failed(Status.UNAVAILABLE, `no address is configured for ${call.service}`)
        : unary(channel, call);
    },
    close() {
      for (const channel of byAddress.values()) {
        channel.close();
      }
    },
  };
}

/**
 * A unary call on the channel itself. The client class above it encodes, decodes, intercepts and takes a stack for each
 * call, none of which is wanted here. The journal holds bytes, so bytes travel: nothing is encoded twice, and unknown
 * fields survive.
 */
function unary(channel: Channel, { service, path, body, timeoutMs, ...call }: UpstreamCall): Promise<UpstreamOutcome> {
  const metadata = new Metadata();
  metadata.set(requestIdKey, call.sagaId);
  metadata.set("idempotency-key", call.idempotencyKey);
  if (call.retriable) {
    metadata.set(retriableKey, "true");
  }
  metadata.set("traceparent", childSpan(call.traceparent));
  return new Promise((resolve) => {
    let answer: Buffer | undefined;
    let answered = false;
    const stream = channel.createCall(path, Date.now() + timeoutMs, null, null, null);
    stream.start(metadata, {
      onReceiveMetadata() {
        answered = true;
      },
      onReceiveMessage(message: Buffer) {
        answer = message;
      },
      onReceiveStatus({ code, details, metadata: trailer }) {
        if (code !== Status.OK) {
          // A status that comes from an upstream has headers, or at least the content type beside it.
          const unreached = code === Status.UNAVAILABLE && !answered && Object.keys(trailer.getMap()).length === 0;
          resolve(failed(code, unreached ? unreachedText(service, details) : details));
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

function connect(service: string, { address, tls, keepalive_ms }: UpstreamConfig): Channel {
  return new Channel(address, channelCredentials(service, tls), {
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
  });
}

function channelCredentials(service: string, tls: UpstreamConfig["tls"]): ChannelCredentials {
  const read = (key: "ca" | "key" | "cert") => {
    const path = tls[key];
    return path === undefined ? null : readPem(path, `upstreams["${service}"].tls.${key}`);
  };
  return tls.enabled ? credentials.createSsl(read("ca"), read("key"), read("cert")) : credentials.createInsecure();
}

/** grpc-js names an address at most, and ends with a note that is mostly empty. */
function unreachedText(service: string, details: string): string {
  return `${service} gave no answer: ${details.replace(/\. Resolution note: $/, "")}`;
}

function failed(code: number, message: string): UpstreamOutcome {
  return { ok: false, code, message };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
