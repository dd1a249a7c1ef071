import type { FacadeDefinition } from "../../facade/definition.js";
import { isCompensation } from "../world/ledger.js";
import type { Attempt } from "../world/upstreams.js";
import type { Durable } from "./durable.js";
import { wrongIds } from "./ids.js";
import type { Accepted } from "./sample.js";
import { saysNothing } from "./says-what.js";
import { sagaId } from "./trouble.js";

/** What must hold of every call, whatever the fault: the promises to upstreams. */
export interface CallRules {
  /** A call leaves. */
  leaves(attempt: Attempt): void;
  /** What did not hold. */
  readonly broken: readonly string[];
}

/** Makes them. @param accepted what compensations may say all the same */
export function createCallRules(facade: FacadeDefinition, durable: Durable, accepted: Accepted): CallRules {
  const bodies = new Map<string, Uint8Array>();
  const received = new Map<number, Uint8Array>();
  const allowed = new Map<string, number>();
  let clientsTrace = "";
  const broken = new Set<string>();
  let read = 0;

  /** Takes in what has become durable since. */
  function catchUp(): void {
    const events = durable();
    for (const event of events.slice(read)) {
      if (event.kind === "step-succeeded") {
        received.set(event.step, event.received);
      } else if (event.kind === "step-called" || event.kind === "compensation-called") {
        const call = `${event.kind} ${event.step}`;
        allowed.set(call, (allowed.get(call) ?? 0) + 1);
      } else if (event.kind === "started") {
        clientsTrace = event.traceparent;
      }
    }
    read = events.length;
  }

  return {
    get broken() {
      return [...broken];
    },
    leaves({ idempotencyKey, sagaId: id, traceparent, nth, body }) {
      const key = shortKey(idempotencyKey);
      if (id !== sagaId) {
        broken.add(`${key} bears the saga id ${id}`);
      }
      const first = bodies.get(key);
      if (first !== undefined && !Buffer.from(first).equals(body)) {
        broken.add(`${key}: attempt ${nth} bears another request than the one before, under the same key`);
      }
      bodies.set(key, body);
      const undo = isCompensation(idempotencyKey);
      const at = facade.steps.findIndex(({ name }) => key === (undo ? `${name}/compensate` : name));
      const step = facade.steps[at];
      if (step === undefined) {
        broken.add(`${key} is the key of no step`);
        return;
      }
      catchUp();
      if (traceparent === "" || traceparent !== clientsTrace) {
        broken.add(`${key} bears another trace than the client's: ${traceparent || "none"}`);
      }
      if ((allowed.get(`${undo ? "compensation-called" : "step-called"} ${at}`) ?? 0) < nth) {
        broken.add(`attempt ${nth} of ${key} left before the journal said that it may`);
      }
      if (undo) {
        const messages = { sent: bodies.get(step.name), received: received.get(at), undo: body };
        const nothing = saysNothing(step, messages, accepted.undoneByKey ?? []);
        const complaints = nothing === undefined ? wrongIds(step, messages, accepted.otherIds ?? []) : [nothing];
        for (const complaint of complaints) {
          broken.add(complaint);
        }
      }
    },
  };
}

/** An idempotency key without the saga's id, as the matrix shows it. */
export function shortKey(idempotencyKey: string): string {
  const prefix = `${sagaId}/`;
  return idempotencyKey.startsWith(prefix) ? idempotencyKey.slice(prefix.length) : idempotencyKey;
}
