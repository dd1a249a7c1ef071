#!/usr/bin/env node
// The plugin of the protobuf compiler: reads a request from stdin and writes only the response to stdout.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { cachedRun } from "./cached-run.js";
import { readStubs } from "./merge/read-stubs.js";
import type { FileRead } from "./run.js";
import { stubsPlaceProblem } from "./stubs-place.js";

const name = "protoc-gen-saga";

async function main(args: readonly string[]): Promise<void> {
  const version = packageVersion();
  if (args.length === 1 && args[0] === "--version") {
    process.stdout.write(`${name} v${version}\n`);
    return;
  }
  if (args.length > 0) {
    throw new UsageError(
      `${name} reads a CodeGeneratorRequest from stdin and has no argument except --version; buf runs it`,
    );
  }
  const cwd = process.cwd();
  const environment = {
    version,
    readStubs(stubsDir: string) {
      const problem = stubsPlaceProblem(cwd, stubsDir);
      if (problem !== undefined) {
        throw new UsageError(`SAGA_OPTION_INVALID: ${problem}`);
      }
      return readStubs(resolve(cwd, stubsDir));
    },
    readFile: (path: string) => readFile(resolve(cwd, path)),
    warn: (line: string) => process.stderr.write(`${line}\n`),
  };
  process.stdout.write(await cachedRun(await buffer(process.stdin), environment, cwd));
}

function readFile(path: string): FileRead {
  try {
    return { bytes: readFileSync(path) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** The user started the plugin incorrectly. Printed without a stack trace. */
class UsageError extends Error {}

function packageVersion(): string {
  const found: unknown = createRequire(import.meta.url)("protoc-gen-saga/package.json");
  return typeof found === "object" && found !== null && "version" in found ? String(found.version) : "";
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const message =
    error instanceof UsageError ? error.message : `${name}: ${error instanceof Error ? error.stack : error}`;
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
