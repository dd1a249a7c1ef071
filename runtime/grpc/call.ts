/** What every call has besides its message: a request id, a trace context, a client who may or may not make it, and a status. */
import { randomFillSync } from "node:crypto";
import { Metadata, type ServerUnaryCall, type StatusObject } from "@grpc/grpc-js";
import { isSagaError, SagaError } from "../core/errors.js";
import { Status, type StatusCode, statusText } from "../core/status.js";
import type { Log } from "../engine/ports.js";
import { ErrorInfo } from "../pb/google/rpc/error_details.js";
import { Status as RpcStatus } from "../pb/google/rpc/status.js";

/** The metadata key of the request id. */
export const requestIdKey = "x-request-id";

const longest = 128;
const allowed = /^[A-Za-z0-9._:/-]+$/;

/** Whether a text is a request id. One that is not must go neither into a header nor into the log: it may be of any length. */
export function isRequestId(text: string): boolean {
  return text.length <= longest && allowed.test(text);
}

/** What the metadata has as the request id, valid or not; empty if there is none. */
export function sentRequestId(metadata: Metadata): string {
  return metadata.get(requestIdKey)[0]?.toString() ?? "";
}

/**
 * Checks a request id.
 * @param key what the client knows it by: the metadata's key or the message's field
 * @param fix what to do if it is missing
 * @throws SagaError SAGA_REQUEST_ID_MISSING if it is empty, or SAGA_REQUEST_ID_INVALID
 */
export function checkRequestId(id: string, key: string, fix: string): string {
  if (id.length === 0) {
    throw new SagaError("SAGA_REQUEST_ID_MISSING", `missing ${key}; ${fix}`);
  }
  if (!isRequestId(id)) {
    throw new SagaError(
      "SAGA_REQUEST_ID_INVALID",
      `${key} must have 1 to ${longest} of the characters A-Z a-z 0-9 . _ : / -`,
    );
  }
  return id;
}

const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The caller's W3C trace context if it is valid, else a new, unsampled trace (https://www.w3.org/TR/trace-context/). */
export function traceOf(traceparent: string | undefined): string {
  if (traceparent !== undefined && traceparentPattern.test(traceparent)) {
    return traceparent;
  }
  return `00-${randomHex(16)}-${randomHex(8)}-00`;
}

/** The context of a call within a trace: the same trace with a new span id. */
export function childSpan(traceparent: string): string {
  return `${traceparent.slice(0, 36)}${randomHex(8)}${traceparent.slice(52)}`;
}

/** Asking the system for each id separately costs more than the rest of a call's metadata. */
const pool = Buffer.alloc(4096);
let used = pool.length;

function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString("hex", used - bytes, used);
}

/** A gRPC call that a client makes, before any work is done for it. */
export interface ClientCall {
  /** "/pb.BookingService/HandleSyncBooking" */
  readonly method: string;
  /** The saga that the call starts, joins, reads or watches. Undefined if the client sent no valid request id. */
  readonly sagaId: string | undefined;
  readonly metadata: Metadata;
  /** The client's address: "10.0.0.7:51234". */
  readonly peer: string;
  /** With mutual TLS, the client's certificate. */
  readonly authContext: AuthContext;
}

/** What grpc-js knows about the client of a call. */
export type AuthContext = ReturnType<ServerUnaryCall<unknown, unknown>["getAuthContext"]>;

/**
 * Whether a client may make a call. Called for each call of a facade and of SagaService, before anything is done for it.
 * If it returns `false`, throws or rejects, the client gets PERMISSION_DENIED (`SAGA_NOT_AUTHORIZED`).
 */
export type Authorize = (call: ClientCall) => boolean | Promise<boolean>;

/** The part of grpc-js's server calls that says who calls what. */
type ServerCall = Pick<ServerUnaryCall<unknown, unknown>, "getPath" | "getPeer" | "getAuthContext" | "metadata">;

/** Asks `authorize` about a call. @throws SagaError SAGA_NOT_AUTHORIZED */
export async function checkAuthorized(authorize: Authorize, call: ServerCall, id: string, log: Log): Promise<void> {
  const sagaId = isRequestId(id) ? id : undefined;
  const method = call.getPath();
  const { metadata } = call;
  let allowed = false;
  try {
    allowed = await authorize({ method, sagaId, metadata, peer: call.getPeer(), authContext: call.getAuthContext() });
  } catch (err) {
    log.warn({ rpc: method, saga: sagaId, err }, "authorize threw an error, the call is refused");
  }
  // JavaScript programs may return anything.
  if (allowed !== true) {
    throw new SagaError("SAGA_NOT_AUTHORIZED", "the client may not make this call");
  }
}

/** Why a call got no response. */
export interface CallFailure {
  readonly status: StatusCode;
  readonly message: string;
  /** A code of the error catalogue. */
  readonly reason: string;
  readonly sagaId?: string | undefined;
  /** The step that failed. */
  readonly step?: string | undefined;
}

/** What a client sees of an error. An error that is not a SagaError is a bug: the client gets no details. */
export function failureOf(error: unknown, sagaId?: string): CallFailure {
  return isSagaError(error)
    ? { status: error.status, message: error.plain, reason: error.code, sagaId }
    : { status: Status.INTERNAL, message: "internal error", reason: "SAGA_INTERNAL", sagaId };
}

/** A failure as a gRPC status with google.rpc.ErrorInfo details (https://google.aip.dev/193). */
export function statusOf({ status: code, message: text, reason, sagaId, step }: CallFailure): StatusObject {
  const message = statusText(text);
  const info = ErrorInfo.encode({
    reason,
    domain: "protosaga",
    metadata: { ...(sagaId === undefined ? {} : { saga_id: sagaId }), ...(step === undefined ? {} : { step }) },
  }).finish();
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value: info }];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(RpcStatus.encode({ code, message, details }).finish()));
  return { code, details: message, metadata };
}

/** {@link statusOf} of {@link failureOf}. */
export function errorStatus(error: unknown, sagaId?: string): StatusObject {
  return statusOf(failureOf(error, sagaId));
}

/** The same bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
