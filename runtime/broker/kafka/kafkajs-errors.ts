import type { ErrorKind } from "./client.js";

const kinds: Readonly<Record<string, ErrorKind>> = {
  MESSAGE_TOO_LARGE: "refused",
  RECORD_LIST_TOO_LARGE: "refused",
  INVALID_TOPIC_EXCEPTION: "refused",
  INVALID_RECORD: "refused",
  POLICY_VIOLATION: "refused",
  UNKNOWN_TOPIC_OR_PARTITION: "refused",
  TOPIC_AUTHORIZATION_FAILED: "refused",
  CLUSTER_AUTHORIZATION_FAILED: "forbidden",
  GROUP_AUTHORIZATION_FAILED: "forbidden",
  SASL_AUTHENTICATION_FAILED: "credentials",
  UNSUPPORTED_SASL_MECHANISM: "credentials",
  INVALID_REPLICATION_FACTOR: "replication",
  REBALANCE_IN_PROGRESS: "rebalancing",
  ILLEGAL_GENERATION: "rebalancing",
  UNKNOWN_MEMBER_ID: "rebalancing",
};

/** What kind of error of kafkajs's it is. It wraps errors: some in their `cause`, an aggregate's in `errors`. */
export function kindOf(error: unknown): ErrorKind {
  if (!(error instanceof Error)) {
    return "other";
  }
  const { type, code, errors } = error as Error & { type?: unknown; code?: unknown; errors?: unknown };
  if (error.name === "KafkaJSSASLAuthenticationError") {
    return "credentials";
  }
  // Of certificates, Node.js's codes are many: DEPTH_ZERO_SELF_SIGNED_CERT, CERT_HAS_EXPIRED, ERR_TLS_CERT_…
  if (typeof code === "string" && /CERT|UNABLE_TO_VERIFY|^ERR_(TLS|SSL)_/.test(code)) {
    return "certificate";
  }
  const inner = [
    kinds[String(type)] ?? "other",
    kindOf(error.cause),
    ...(Array.isArray(errors) ? errors.map(kindOf) : []),
  ];
  return inner.find((kind) => kind !== "other") ?? "other";
}
