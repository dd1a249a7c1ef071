import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";
import { z } from "zod";
import { SagaError } from "../core/errors.js";
import { applyEnvironment, type Environment, environmentName, type KeyNames, variableOf } from "./environment.js";
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
  const path = join(env.OCH_PATH ?? ".", "app.yaml");
  const file = existsSync(path) ? parse(path) : {};
  const merged = applyEnvironment(merge(defaults, file), env, names);
  return checkConfig(merged, names, {
    source: existsSync(path) ? `${path} and the environment` : "the program and the environment",
    env,
  });
}

/** Where values came from, for whoever must mend one. */
interface Origin {
  readonly source: string;
  readonly env: Environment;
}

/**
 * Checks a configuration and fills in its defaults.
 * @throws SagaError SAGA_CONFIG_INVALID, naming every error at once
 */
export function checkConfig(
  input: unknown,
  { upstreams, topics }: KeyNames,
  { source, env }: Origin = { source: "the program's own", env: {} },
): Config {
  const { data, error } = configSchema.safeParse(input);
  const problems =
    error?.issues.map(({ path, message }) => {
      const variable = variableOf(env, path.map(String));
      const from = variable === undefined ? "" : ` (set by ${variable})`;
      return `${z.core.toDotPath(path) || "(whole)"}${from}: ${message}`;
    }) ?? [];
  const known = given(input);
  for (const name of upstreams.filter((service) => !known.has(service))) {
    const variable = environmentName(["upstreams", name, "address"]);
    problems.push(
      `upstreams["${name}"]: a facade calls this service; give its address, host:port, here or in ${variable}`,
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
