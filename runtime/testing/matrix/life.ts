import type { Log } from "../../engine/ports.js";
import type { Asked } from "../world/pod.js";
import type { World } from "../world/world.js";
import { letTimeGoOn } from "./let-time-go-on.js";
import { sagaId } from "./trouble.js";
import type { NodeWatch, WatchedFacade } from "./watch-nodes.js";

/** One life of the server: from its start to its end, or to its crash. */
export interface Life {
  readonly watch: NodeWatch;
  /** The client's call: under the same id in each life. */
  readonly call: Asked;
  /** Whether the client was told what a crash could still have made untrue. */
  readonly toldTooEarly: boolean;
  crash(): void;
}

/** Starts the server on what the journal holds, and has the client ask it. */
export async function startLife(
  world: World,
  { facade, watch }: WatchedFacade,
  request: unknown,
  log: Log,
): Promise<Life> {
  const pod = world.start([facade], { log });
  await letTimeGoOn(world, watch, () => pod.ready || pod.startError !== undefined);
  const call = pod.ask(facade, { sagaId, request });
  let toldTooEarly = false;
  void call.settled.then(() => {
    toldTooEarly = call.answer !== undefined && world.tables.sagas.get(sagaId)?.answer === undefined;
  });
  return {
    watch,
    call,
    get toldTooEarly() {
      return toldTooEarly;
    },
    crash: () => pod.process.kill(),
  };
}
