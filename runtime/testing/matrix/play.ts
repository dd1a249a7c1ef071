import type { Broker } from "../../broker/broker.js";
import type { Log } from "../../engine/ports.js";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import { isCompensation } from "../world/ledger.js";
import { createWorld } from "../world/world.js";
import { isDue } from "./crash.js";
import { readDurable } from "./durable.js";
import { type Fault, isCrash } from "./fault.js";
import { letTimeGoOn } from "./let-time-go-on.js";
import { startLife } from "./life.js";
import { type CallRules, createCallRules, shortKey } from "./rules.js";
import type { Accepted, Messages } from "./sample.js";
import { type Seen, seenOf } from "./seen.js";
import { noTrouble, sagaId, troubleOf } from "./trouble.js";
import { watchNodes } from "./watch-nodes.js";

/** A case to play. */
export interface Play {
  readonly facade: FacadeDefinition;
  readonly messages: Messages;
  readonly accepted: Accepted;
  /** How many calls are expected: when there are many more, the case has gone wrong, and is not played to its end. */
  readonly calls: number;
  /**
   * "claimed": messages are delivered within the transaction that would send them, as the embedded broker does where it can.
   * "twice": each goes through its topic, and comes twice.
   */
  readonly delivery: "claimed" | "twice";
  /** None: all goes well. */
  readonly trouble?: { readonly step: StepDefinition; readonly fault: Fault } | undefined;
}

/** How many calls too many are waited for. */
const patience = 20;

/** Plays a saga in a world of its own: the real engine, virtual time, upstreams that keep a barrier. */
export async function play({
  facade,
  messages,
  accepted,
  calls: wanted,
  delivery,
  trouble: cause,
}: Play): Promise<Seen> {
  const trouble = cause === undefined ? noTrouble : troubleOf(facade, cause.step, cause.fault);
  const said = new Set<string>();
  const note = (_about: object, message: string) => void said.add(message);
  const log: Log = { debug() {}, info() {}, warn: note, error: note };
  let rules: CallRules | undefined;
  const world = createWorld({
    business: (arrived) => trouble.refuses(arrived) ?? { ok: true, body: bodyOf(messages, arrived.attempt) },
    travel(attempt) {
      rules?.leaves(attempt);
      return trouble.travel(attempt);
    },
    ...(delivery === "twice" ? { broker: twice } : {}),
  });
  const durable = readDurable(world.tables);
  rules = createCallRules(facade, durable, accepted);
  const tooMany = () => world.network.left.length > wanted + patience;

  const crash = cause !== undefined && isCrash(cause.fault) ? cause : undefined;
  const holdsUp = (group: number) => crash?.fault === "crash after the journal write" && group > crash.step.group;
  const lives = [await startLife(world, watchNodes(facade, holdsUp), messages.request, log)];
  const never: string[] = [];
  if (crash !== undefined) {
    const due = isDue(world.network, durable, facade, crash);
    await goOn(() => due() || tooMany());
    if (!due()) {
      never.push(`the saga never came to the point of ${crash.fault} of ${crash.step.name}`);
    }
    lives.at(-1)?.crash();
    lives.push(await startLife(world, watchNodes(facade), messages.request, log));
  }
  await goOn(tooMany);

  const notMade = crash?.fault === "crash before the call" ? `${sagaId}/${crash.step.name}` : undefined;
  const calls = world.network.left.filter(({ idempotencyKey, nth }) => idempotencyKey !== notMade || nth > 1);
  const seen = seenOf(world, facade, lives, calls);
  return { ...seen, broken: [...never, ...seen.broken, ...rules.broken], said: [...said] };

  async function goOn(until: () => boolean): Promise<void> {
    const life = lives.at(-1);
    if (life !== undefined) {
      await letTimeGoOn(world, life.watch, until);
    }
  }
}

function bodyOf({ responses }: Messages, { idempotencyKey }: { readonly idempotencyKey: string }): Uint8Array {
  const none = new Uint8Array();
  return isCompensation(idempotencyKey) ? none : (responses.get(shortKey(idempotencyKey)) ?? none);
}

/** As the broker outside the process is: it keeps what is not handled, lets nothing be claimed, and delivers twice. */
function twice(embedded: Broker): Broker {
  return {
    ...embedded,
    publish: (messages) => embedded.publish(messages.flatMap((message) => [message, message])),
  };
}
