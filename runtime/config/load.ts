import { existsSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { SagaError } from "../core/errors.js";
import {
  applyEnvironment,
  type Environment,
  environmentName,
  type KeyNames,
  keysAt,
  variableOf,
} from "./environment.js";
import { type Config, type ConfigInput, configSchema } from "./schema.js";

/** The sources of a configuration. */
export interface ConfigSources extends KeyNames {
  /** Usually process.env. */
  readonly env: Environment;
  /** Values that the program sets. The file and the environment override them. */
  readonly defaults?: ConfigInput;
}

/**
 * Reads `app.yaml` from the folder `OCH_PATH` (default: the working directory), overrides it with the environment and
 * checks the result.
 * @throws SagaError SAGA_CONFIG_INVALID with all errors together
 */
export function loadConfig({ env, defaults = {}, ...names }: ConfigSources): Config {
  const folder = env.OCH_PATH ?? ".";
  const path = join(folder, "app.yaml");
  const exists = existsSync(path);
  if (!exists && !isFolder(folder)) {
    // The user expects the file of this folder to be read, not the defaults.
    throw new SagaError("SAGA_CONFIG_INVALID", `OCH_PATH is ${resolve(folder)}, which is not a folder`);
  }
  const file = exists ? parse(path) : {};
  const merged = applyEnvironment(merge(defaults, file), env, names);
  return checkConfig(merged, names, {
    source: exists
      ? `${path} and the environment`
      : `the program and the environment; ${resolve(folder)} has no app.yaml`,
    place: "in app.yaml",
    env,
  });
}

function isFolder(path: string): boolean {
  return statSync(path || ".", { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where the values come from, for error messages. */
interface Origin {
  readonly source: string;
  /** Where to add missing values: "in app.yaml". */
  readonly place: string;
  readonly env: Environment;
}

/**
 * Checks a configuration and adds the defaults.
 * @throws SagaError SAGA_CONFIG_INVALID with all errors together
 */
export function checkConfig(
  input: unknown,
  names: KeyNames,
  { source, place, env }: Origin = { source: "of the program", place: "in the program's configuration", env: {} },
): Config {
  const { upstreams, topics } = names;
  const { data, error } = configSchema.safeParse(input);
  const problems =
    error?.issues.map(({ path, message, code }) => {
      const variable = variableOf(env, path.map(String));
      const from = variable === undefined ? "" : ` (set by ${variable})`;
      const known = code === "unrecognized_keys" ? keysAt(path.map(String), names) : [];
      const fix = known.length === 0 ? "" : `; known keys: ${known.join(", ")}`;
      return `${z.core.toDotPath(path) || "(whole)"}${from}: ${message}${fix}`;
    }) ?? [];
  const known = given(input);
  for (const name of upstreams.filter((service) => !known.has(service))) {
    const variable = environmentName(["upstreams", name, "address"]);
    problems.push(
      `upstreams["${name}"]: a facade calls this service; set its address, host:port, ${place} or in ${variable}`,
    );
  }
  for (const name of Object.keys(data?.topics ?? {}).filter((name) => topics?.includes(name) === false)) {
    const known = topics?.join(", ") || "none";
    problems.push(`topics["${name}"]: no step has this topic; known topics: ${known}`);
  }
  if (data === undefined || problems.length > 0) {
    throw new SagaError(
      "SAGA_CONFIG_INVALID",
      `the configuration (${source}) has ${problems.length} error(s):\n  ${problems.join("\n  ")}`,
    );
  }
  return data;
}

function given(input: unknown): ReadonlySet<string> {
  const upstreams = isObject(input) ? input.upstreams : undefined;
  return new Set(isObject(upstreams) ? Object.keys(upstreams) : []);
}

function parse(path: string): unknown {
  const document = parseDocument(read(path), { prettyErrors: true });
  if (document.errors.length > 0) {
    const errors = document.errors.map(({ message }) => message.trim()).join("\n  ");
    throw new SagaError("SAGA_CONFIG_INVALID", `${path} is not valid YAML:\n  ${errors}`);
  }
  const content: unknown = document.toJS() ?? {};
  if (!isObject(content)) {
    // Checked here because the environment would replace the value.
    throw new SagaError("SAGA_CONFIG_INVALID", `${path} has no keys: write one \`key: value\` per line`);
  }
  return content;
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `${path} can't be read: ${why}`, { cause: error });
  }
}

/** Merges two values recursively. Values of `over` take precedence. */
function merge(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) {
    return over === undefined ? under : over;
  }
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(under[key], over[key])]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
