import { parseArgs } from "node:util";
import { checkConfig, loadConfig } from "../config/load.js";
import type { ConfigInput } from "../config/schema.js";
import { isSagaError, SagaError } from "../core/errors.js";
import { parkedOf } from "../engine/reports.js";
import type { SagaService } from "../facade/definition.js";
import type { SagasInFlight } from "../journal/journal.js";
import { inspectJournal } from "./open.js";
import { facadesOf, keyNames } from "./services.js";

/** What code is held against its journal with. */
export interface CheckSagasOptions {
  readonly services: readonly SagaService[];
  /** As it would be given to the server; it says which journal to look at. */
  readonly config: ConfigInput;
}

/** Sagas in flight that the code can't run. */
export interface ParkedSagas extends SagasInFlight {
  /** The fingerprint of the facade in this code; undefined where it has no such facade. */
  readonly here: string | undefined;
}

/** What of the sagas in flight the code can run. */
export interface SagasCheck {
  /** Where the journal is. */
  readonly place: string;
  /** Whether there is one yet. */
  readonly found: boolean;
  /** How many sagas in flight the code can run. */
  readonly fitting: number;
  /** Those that it can't, by structure. */
  readonly parked: readonly ParkedSagas[];
}

/**
 * Holds code against the sagas in flight, before it is deployed. Reads only: a server may run on the journal meanwhile.
 * @throws SagaError SAGA_JOURNAL_* or SAGA_CONFIG_INVALID
 */
export async function checkSagas({ services, config }: CheckSagasOptions): Promise<SagasCheck> {
  const facades = facadesOf(services);
  const byName = new Map(facades.map((facade) => [facade.name, facade]));
  const { place, inFlight } = await inspectJournal(checkConfig(config, keyNames(facades)));
  const parked = parkedOf(inFlight ?? [], byName);
  return {
    place,
    found: inFlight !== undefined,
    fitting: countOf(inFlight ?? []) - countOf(parked),
    parked: parked.map((sagas) => ({ ...sagas, here: byName.get(sagas.facade)?.fingerprint })),
  };
}

/** The program `<main> check-sagas [--json]`. */
export interface CheckProgram {
  readonly name: string;
  readonly services: readonly SagaService[];
  readonly defaults: ConfigInput;
  /** What stands behind `check-sagas`. */
  readonly args: readonly string[];
}

/**
 * Runs the check as a program, with its findings on standard output.
 * @returns the exit code: 1 where the code can't run all sagas in flight, 2 where that could not be found out
 */
export async function runCheckSagas({ name, services, defaults, args }: CheckProgram): Promise<0 | 1 | 2> {
  try {
    const { json } = optionsOf(args);
    const facades = facadesOf(services);
    const config = loadConfig({ env: process.env, ...keyNames(facades), defaults });
    const check = await checkSagas({ services, config });
    process.stdout.write(json ? `${JSON.stringify(toJson(check))}\n` : `${name}: ${toText(check)}\n`);
    return check.parked.length === 0 ? 0 : 1;
  } catch (error) {
    const text = isSagaError(error) ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`${name}: the sagas in flight can't be checked. ${text}\n`);
    return 2;
  }
}

function optionsOf(args: readonly string[]): { readonly json: boolean } {
  try {
    const { values } = parseArgs({ args: [...args], options: { json: { type: "boolean", default: false } } });
    return values;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError("SAGA_CONFIG_INVALID", `${why}. Usage: check-sagas [--json]`);
  }
}

function toJson({ parked, ...check }: SagasCheck): object {
  const structures = parked.map(({ here, oldestMs, sagaIds, ...sagas }) => ({
    ...sagas,
    here: here ?? null,
    oldest: new Date(oldestMs).toISOString(),
    sagas: sagaIds,
  }));
  return { ...check, parked: structures };
}

function toText({ place, found, fitting, parked }: SagasCheck): string {
  if (!found) {
    return `no saga is in flight: there is no journal yet (${place})`;
  }
  if (parked.length === 0) {
    return `this code can run all sagas in flight: ${fitting} (${place})`;
  }
  const structures = parked.map(({ facade, fingerprint, here, open, stuck, oldestMs, sagaIds }) => {
    const more = open + stuck > sagaIds.length ? ", …" : "";
    const now = here === undefined ? "this code has no such facade" : `this code has ${short(here)}`;
    return `  ${facade}: ${open} open, ${stuck} stuck, since ${new Date(oldestMs).toISOString()}
    began under structure ${short(fingerprint)}, ${now}
    ${sagaIds.join(", ")}${more}`;
  });
  const others = `it can run ${fitting} ${fitting === 1 ? "other" : "others"}`;
  const count = countOf(parked) === 1 ? "1 saga" : `${countOf(parked)} sagas`;
  return `${count} in flight can't be run by this code; ${others} (${place})
${structures.join("\n")}
Keep the code that they began under running until they have ended, see docs/how-to/change-a-facade.md.`;
}

function countOf(sagas: readonly SagasInFlight[]): number {
  return sagas.reduce((sum, { open, stuck }) => sum + open + stuck, 0);
}

function short(fingerprint: string): string {
  return fingerprint.length > 12 ? `${fingerprint.slice(0, 12)}…` : fingerprint;
}
