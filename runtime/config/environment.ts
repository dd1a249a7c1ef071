import { z } from "zod";
import { configSchema, topicSchema, upstreamSchema } from "./schema.js";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The environment variable of a key: `SAGA_` and the path in upper case, with `_` for every other character than a letter
 * or digit.
 * @example environmentName(["upstreams", "pb.OrderService", "address"]) // SAGA_UPSTREAMS_PB_ORDERSERVICE_ADDRESS
 */
export function environmentName(path: readonly string[]): string {
  return `SAGA_${path
    .join("_")
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "_")}`;
}

/** Names of the configured program that are part of keys. */
export interface KeyNames {
  /** The full names of the services that need an address. */
  readonly upstreams: readonly string[];
  /** The topics of steps, without a prefix. Default: none. */
  readonly topics?: readonly string[];
}

/** The paths of all keys that have a value. */
export function configPaths({ upstreams, topics = [] }: KeyNames): string[][] {
  const own = leaves(configSchema, []).filter(([first]) => first !== "upstreams" && first !== "topics");
  return [
    ...own,
    ...topics.flatMap((name) => leaves(topicSchema, ["topics", name])),
    ...upstreams.flatMap((name) => leaves(upstreamSchema, ["upstreams", name])),
  ];
}

/** The keys directly below a path; empty if the path doesn't exist. */
export function keysAt(path: readonly string[], names: KeyNames): string[] {
  const below = configPaths(names).filter((known) => path.every((key, at) => known[at] === key));
  const own = below.flatMap((known) => known.slice(path.length, path.length + 1));
  return [...new Set(path.length === 0 ? [...own, "topics", "upstreams"] : own)];
}

/** Additional variables, which other programs use as well. */
const aliases: Readonly<Record<string, string>> = {
  pod_id: "POD_ID",
  "journal.postgres.url": "PG_URL",
  "broker.kafka.brokers": "KAFKA_BROKERS",
};

/** The variable that sets a key, if any. The `SAGA_` variable takes precedence over the alias. */
export function variableOf(env: Environment, path: readonly string[]): string | undefined {
  return [environmentName(path), aliases[path.join(".")] ?? ""].find((name) => env[name] !== undefined);
}

/**
 * Variables that start with `SAGA_` but set no key, such as a mistyped one. Variables of upstreams and topics that this
 * program doesn't have are not included: servers may share an environment.
 */
export function strayVariables(env: Environment, names: KeyNames): string[] {
  const known = new Set(configPaths(names).map(environmentName));
  return Object.keys(env).filter(
    (name) => name.startsWith("SAGA_") && !known.has(name) && !/^SAGA_(UPSTREAMS|TOPICS)_/.test(name),
  );
}

/** Overrides a configuration with the environment. POD_ID, PG_URL and KAFKA_BROKERS are aliases of keys. */
export function applyEnvironment(config: unknown, env: Environment, names: KeyNames): unknown {
  let result = config;
  for (const path of configPaths(names)) {
    const value = env[variableOf(env, path) ?? ""];
    if (value !== undefined) {
      result = withValue(result, path, value);
    }
  }
  return result;
}

function leaves(schema: z.core.$ZodType, path: readonly string[]): string[][] {
  const bare = unwrap(schema);
  if (!(bare instanceof z.ZodObject)) {
    return [[...path]];
  }
  return Object.entries(bare.shape).flatMap(([key, value]) => leaves(value as z.core.$ZodType, [...path, key]));
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  return schema;
}

function withValue(config: unknown, [key, ...rest]: readonly string[], value: string): unknown {
  if (key === undefined) {
    return value;
  }
  const object = typeof config === "object" && config !== null ? config : {};
  const inner: unknown = Object.entries(object).find(([name]) => name === key)?.[1];
  return { ...object, [key]: withValue(inner, rest, value) };
}
