import { posix } from "node:path";
import type { EmitOptions, Plan, PlannedFacade, PlannedService } from "../model.js";
import { kebabCase } from "./names.js";

/** The paths of a plan's files below topic/, dto/, facade/, node/ and handler/, without extension. */
export interface Paths {
  /** "booking/booking/booking-service/handle-sync-booking", the same in four folders. */
  facade(facade: PlannedFacade): string;
  /** "booking/booking/booking-service", in handler/. */
  service(service: PlannedService): string;
  /** "registry", in topic/: the only file directly in there. */
  readonly registry: string;
}

/**
 * Assigns a path to every file of a plan. If two names would be one file, also on a case-insensitive disk, the later one in
 * descriptor order gets a number, so that a name added at the end moves no other file.
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
 * Folders are named after .proto files: "registry.ts.proto" would create a folder at the path of the registry's file, and
 * "registry.js.proto" at the path of tsc's output.
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
  // Like ts-proto: the first ".proto" anywhere in the path.
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
    throw new Error("the plan has no such path");
  }
  return path;
}
