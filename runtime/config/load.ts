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

/** Where a configuration comes from. */
export interface ConfigSources extends KeyNames {
  /** Usually process.env. */
  readonly env: Environment;
  /** What the program itself sets; the file and the environment override it. */
  readonly defaults?: ConfigInput;
}

/**
 * Reads `app.yaml` in the folder that `OCH_PATH` names (default: the working directory), lays the environment over it
 * and checks the whole.
 * @throws SagaError SAGA_CONFIG_INVALID, naming every error at once
 */
export function loadConfig({ env, defaults = {}, ...names }: ConfigSources): Config {
  const folder = env.OCH_PATH ?? ".";
  const path = join(folder, "app.yaml");
  const there = existsSync(path);
  if (!there && !isFolder(folder)) {
    // It was named, so something was to be read there: the defaults would not be what is wanted.
    throw new SagaError("SAGA_CONFIG_INVALID", `OCH_PATH names ${resolve(folder)}, and there is no such folder`);
  }
  const file = there ? parse(path) : {};
  const merged = applyEnvironment(merge(defaults, file), env, names);
  return checkConfig(merged, names, {
    source: there
      ? `${path} and the environment`
      : `the program and the environment; there is no app.yaml in ${resolve(folder)}`,
    place: "in app.yaml",
    env,
  });
}

function isFolder(path: string): boolean {
  return statSync(path || ".", { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Where values came from, for whoever must mend one. */
interface Origin {
  readonly source: string;
  /** Where to put what is missing: "in app.yaml". */
  readonly place: string;
  readonly env: Environment;
}

/**
 * Checks a configuration and fills in its defaults.
 * @throws SagaError SAGA_CONFIG_INVALID, naming every error at once
 */
export function checkConfig(
  input: unknown,
  names: KeyNames,
  { source, place, env }: Origin = { source: "the program's own", place: "in the program's configuration", env: {} },
): Config {
  const { upstreams, topics } = names;
  const { data, error } = configSchema.safeParse(input);
  const problems =
    error?.issues.map(({ path, message, code }) => {
      const variable = variableOf(env, path.map(String));
      const from = variable === undefined ? "" : ` (set by ${variable})`;
      const known = code === "unrecognized_keys" ? keysAt(path.map(String), names) : [];
      const mend = known.length === 0 ? "" : `; there are: ${known.join(", ")}`;
      return `${z.core.toDotPath(path) || "(whole)"}${from}: ${message}${mend}`;
    }) ?? [];
  const known = given(input);
  for (const name of upstreams.filter((service) => !known.has(service))) {
    const variable = environmentName(["upstreams", name, "address"]);
    problems.push(
      `upstreams["${name}"]: a facade calls this service; give its address, host:port, ${place} or in ${variable}`,
    );
  }
  for (const name of Object.keys(data?.topics ?? {}).filter((name) => topics?.includes(name) === false)) {
    const known = topics?.join(", ") || "none";
    problems.push(`topics["${name}"]: no step has this topic; there are: ${known}`);
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
    throw new SagaError("SAGA_CONFIG_INVALID", `${path} is not YAML:\n  ${errors}`);
  }
  const content: unknown = document.toJS() ?? {};
  if (!isObject(content)) {
    // Said here, since the environment would be laid over it as if nothing stood there.
    throw new SagaError("SAGA_CONFIG_INVALID", `${path} holds no keys: write one \`key: value\` on each line`);
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

/** The values of `over` where it has any, else those of `under`; key by key, all the way down. */
function merge(under: unknown, over: unknown): unknown {
  if (!isObject(under) || !isObject(over)) {
    return over === undefined ? under : over;
  }
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, merge(under[key], over[key])]));
}

/** Whether a value is an object with keys. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
