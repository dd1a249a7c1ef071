import { readFileSync } from "node:fs";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import type { Config, UpstreamConfig } from "../config/schema.js";
import { Status } from "../core/status.js";
import type { UpstreamCall, UpstreamOutcome, Upstreams } from "../engine/ports.js";
import { requestIdKey } from "./request-id.js";
import { childSpan } from "./trace-context.js";

/** A channel to each configured upstream. Channels connect at their first call, and again whenever they are lost. */
export function createUpstreams(config: Pick<Config, "upstreams">): Upstreams {
  const clients = new Map<string, Client>();
  const byAddress = new Map<string, Client>();
  for (const [service, upstream] of Object.entries(config.upstreams)) {
    // Services at one address, reached in one way, share a channel.
    const way = JSON.stringify(upstream);
    const client = byAddress.get(way) ?? connect(upstream);
    byAddress.set(way, client);
    clients.set(service, client);
  }

  return {
    call(call) {
      const client = clients.get(call.service);
      if (client === undefined) {
        return Promise.resolve(failed(Status.UNAVAILABLE, `no address is configured for ${call.service}`));
      }
      return unary(client, call);
    },
    close() {
      for (const client of byAddress.values()) {
        client.close();
      }
    },
  };
}

function unary(client: Client, call: UpstreamCall): Promise<UpstreamOutcome> {
  const metadata = new Metadata();
  metadata.set(requestIdKey, call.sagaId);
  metadata.set("idempotency-key", call.idempotencyKey);
  metadata.set("traceparent", childSpan(call.traceparent));
  const options = { deadline: Date.now() + call.timeoutMs };
  return new Promise((resolve) => {
    // The journal holds bytes, so bytes travel: nothing is encoded or decoded twice, and unknown fields survive.
    client.makeUnaryRequest(call.path, asBuffer, asIs, call.body, metadata, options, (error, body) => {
      if (error !== null) {
        resolve(failed(error.code, error.details));
      } else {
        resolve({ ok: true, body: body ?? Buffer.alloc(0) });
      }
    });
  });
}

function connect({ address, tls, keepalive_ms }: UpstreamConfig): Client {
  return new Client(address, channelCredentials(tls), {
    // Retries are the engine's, which journals them; grpc-js then also spares its retry buffer.
    "grpc.enable_retries": 0,
    // Nobody asks for channelz, and counting for it costs.
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": keepalive_ms,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.min_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    "grpc.service_config_disable_resolution": 1,
  });
}

function channelCredentials(tls: UpstreamConfig["tls"]): ChannelCredentials {
  const read = (path: string | undefined) => (path === undefined ? null : readFileSync(path));
  return tls.enabled
    ? credentials.createSsl(read(tls.ca), read(tls.key), read(tls.cert))
    : credentials.createInsecure();
}

function failed(code: number, message: string): UpstreamOutcome {
  return { ok: false, code, message };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
