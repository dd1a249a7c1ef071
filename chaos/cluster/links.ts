import { type HarmfulProxy, startProxy } from "../../test/support/proxy.js";

/** A connection between two processes, through a proxy that can disturb it. */
export interface Link {
  /** "pod-0 → order" */
  readonly name: string;
  /** Its target; "clients" for the link from clients to a pod. */
  readonly to: "clients" | "upstream" | "database" | "broker";
  readonly proxy: HarmfulProxy;
  /** Reserves it for one fault, until `free`. @returns false if it is reserved already */
  take(): boolean;
  free(): void;
}

/** All links of a run. */
export interface Links {
  readonly all: readonly Link[];
  /** Opens a link to a port. @returns the port of its proxy */
  open(name: string, to: Link["to"], port: number): Promise<number>;
  close(): Promise<void>;
}

/** Creates an empty set of links. */
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
