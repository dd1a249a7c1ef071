import { type HarmfulProxy, startProxy } from "../../test/support/proxy.js";

/** A way between two of the processes, through a proxy that can harm it. */
export interface Link {
  /** "pod-0 → order" */
  readonly name: string;
  /** What is at its far end: "clients" for the way from clients to a pod. */
  readonly to: "clients" | "upstream" | "database" | "broker";
  readonly proxy: HarmfulProxy;
  /** Whether nothing harms it now; then it is the caller's until `free`. */
  take(): boolean;
  free(): void;
}

/** All ways of a run. */
export interface Links {
  readonly all: readonly Link[];
  /** Makes a way to a port. @returns the port that leads there */
  open(name: string, to: Link["to"], port: number): Promise<number>;
  close(): Promise<void>;
}

/** No ways yet. */
export function createLinks(): Links {
  const all: Link[] = [];
  return {
    all,
    async open(name, to, port) {
      const proxy = await startProxy(port);
      let taken = false;
      all.push({
        name,
        to,
        proxy,
        take() {
          const free = !taken;
          taken = true;
          return free;
        },
        free() {
          taken = false;
        },
      });
      return proxy.port;
    },
    async close() {
      await Promise.all(all.map(({ proxy }) => proxy.close()));
    },
  };
}
