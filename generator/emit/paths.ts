import { posix } from "node:path";
import type { EmitOptions, Plan, PlannedFacade, PlannedService } from "../model.js";
import { kebabCase } from "./names.js";

/** Where the files of a plan stand: paths below topic/, dto/, facade/, node/ and handler/, without extension. */
export interface Paths {
  /** "booking/booking/booking-service/handle-sync-booking", the same in four folders. */
  facade(facade: PlannedFacade): string;
  /** "booking/booking/booking-service", in handler/. */
  service(service: PlannedService): string;
  /** "registry", in topic/: the only file that stands right in there. */
  readonly registry: string;
}

/**
 * Gives every file of a plan its place. Two names that would be one file, on a disk that ignores case too, are told
 * apart by a number: in descriptor order, so that a name added at the end moves no other.
 */
export function planPaths(plan: Plan): Paths {
  const taken = new Set<string>();
  const facades = new Map<PlannedFacade, string>();
  const services = new Map<PlannedService, string>();
  for (const service of plan.services) {
    const folder = withoutProto(service.service.file.path);
    const path = claim(taken, `handler:${folder}/${kebabCase(service.service.name)}`).slice("handler:".length);
    services.set(service, path);
    for (const facade of service.facades) {
      facades.set(facade, claim(taken, `${path}/${kebabCase(facade.rpc.name)}`));
    }
  }
  return {
    facade: (facade) => found(facades, facade),
    service: (service) => found(services, service),
    registry: planRegistry([...facades.values()]),
  };
}

/**
 * Folders are named after .proto files, so that "registry.ts.proto" makes a folder where the registry's file would be,
 * and "registry.js.proto" one where tsc would write it.
 */
function planRegistry(facades: readonly string[]): string {
  const folders = new Set(facades.map((path) => path.split("/")[0]?.toLowerCase() ?? ""));
  const files = (name: string) => ["ts", "js", "d.ts", "js.map", "d.ts.map"].map((extension) => `${name}.${extension}`);
  let free = "registry";
  for (let count = 2; files(free).some((file) => folders.has(file)); count += 1) {
    free = `registry-${count}`;
  }
  return free;
}

/** The import specifier of one generated file in another; both relative to `out`, without extension. */
export function specifier(from: string, to: string, options: Pick<EmitOptions, "importExtension">): string {
  const relative = posix.relative(posix.dirname(from), to);
  const extension = options.importExtension === "none" ? "" : `.${options.importExtension}`;
  return `${relative.startsWith(".") ? relative : `./${relative}`}${extension}`;
}

/** The path of ts-proto's output for a .proto file, relative to `out`, without extension. */
export function pbPath(protoPath: string, options: Pick<EmitOptions, "pb">): string {
  // As ts-proto has it: the first ".proto", wherever it stands.
  return posix.join(options.pb, protoPath.replace(".proto", ""));
}

function withoutProto(path: string): string {
  return path.replace(/\.proto$/, "");
}

function claim(taken: Set<string>, path: string): string {
  let free = path;
  for (let count = 2; taken.has(free.toLowerCase()); count += 1) {
    free = `${path}-${count}`;
  }
  taken.add(free.toLowerCase());
  return free;
}

function found<Key>(paths: ReadonlyMap<Key, string>, key: Key): string {
  const path = paths.get(key);
  if (path === undefined) {
    throw new Error("a path was asked for what is not in the plan");
  }
  return path;
}
