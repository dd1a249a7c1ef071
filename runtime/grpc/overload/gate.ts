import type { Server } from "@grpc/grpc-js";
import type { Engine } from "../../engine/engine.js";
import type { Log } from "../../engine/ports.js";
import type { FacadeDefinition, SagaService } from "../../facade/definition.js";
import { isRequestId, requestIdKey } from "../request-id.js";
import { createBudget } from "./budget.js";
import { gateConnections } from "./connections.js";
import type { FrameJudge } from "./frame-filter.js";
import { decodeFields } from "./hpack.js";
import { refusalBlock } from "./refusal.js";

/** How many refusals a millisecond are looked into, on the average, and how many at once. */
const lookedInto = { perMs: 0.02, atOnce: 20, mostOwed: 0 };

/**
 * What refusing may take of the thread: so much a millisecond on the average, and so much at once, in refusals at the gate.
 * Clients are left unread for no longer than a second: they would take the server for dead.
 */
const affordable = { perMs: 16, atOnce: 320, mostOwed: 16_000 };

/** What a call costs that is refused the whole way. */
const wholeWay = 16;

interface Parts {
  readonly services: readonly SagaService[];
  readonly engine: Pick<Engine, "crowded" | "knows" | "refusal">;
  readonly log: Log;
}

/** Keeps calls that are only refused from taking the thread that the accepted ones need. */
export interface Gate {
  /** A call that had gone on was refused for want of room. */
  refused(): void;
}

/**
 * Refuses calls for want of room before HTTP/2 and grpc-js have made anything of them: that costs a twentieth of the whole
 * way, by which a refusal first looks whether the journal has an answer under the id. Those within a budget go that way
 * all the same, and those for whose request there is no memory: how large it is shows only there. Where even so refusing
 * takes too much of the thread, clients are not read for a time. Where grpc-js or Node keep their servers elsewhere one
 * day, all calls go the whole way.
 * @param server bound already
 */
export function addGate(server: Server, { services, engine, log }: Parts): Gate {
  const looks = createBudget(lookedInto);
  const costs = createBudget(affordable);
  const byPath = facadesByPath(services);
  /** Calls that went on, and that the engine does not know of yet. */
  const entering = new Map<FacadeDefinition, number>();

  function enter(facade: FacadeDefinition): void {
    if (entering.size === 0) {
      setImmediate(() => entering.clear());
    }
    entering.set(facade, (entering.get(facade) ?? 0) + 1);
  }

  function charge(cost: number): void {
    if (!costs.take(cost)) {
      connections.rest(() => costs.owedMs());
    }
  }

  const judge: FrameJudge = {
    watches: () => engine.crowded(),
    refusal(block) {
      const fields = decodeFields(block, judged);
      const facade = byPath.get(fields?.get(":path") ?? "");
      const id = fields?.get(requestIdKey);
      const isGrpc = fields?.get("content-type")?.startsWith("application/grpc");
      if (facade === undefined || id === undefined || !isRequestId(id) || !isGrpc || engine.knows(id)) {
        return undefined;
      }
      const refusal = engine.refusal(facade, entering.get(facade) ?? 0);
      if (refusal === undefined) {
        enter(facade);
        return undefined;
      }
      if (looks.take()) {
        return undefined;
      }
      charge(1);
      log.debug({ saga: id, facade: facade.name, reason: refusal.code }, refusal.plain);
      return refusalBlock(refusal, id);
    },
  };

  const connections = gateConnections(server, judge);
  return { refused: () => charge(wholeWay) };
}

/** What of a call's headers tells whether it is refused. */
const judged: ReadonlySet<string> = new Set([":path", "content-type", requestIdKey]);

function facadesByPath(services: readonly SagaService[]): ReadonlyMap<string, FacadeDefinition> {
  return new Map(
    services.flatMap(({ definition, facades }) =>
      Object.entries(facades).flatMap(([name, facade]) => {
        const path = definition[name]?.path;
        return path === undefined ? [] : [[path, facade] as const];
      }),
    ),
  );
}
