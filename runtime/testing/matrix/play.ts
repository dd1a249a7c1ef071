import type { Broker } from "../../broker/broker.js";
import { statusName } from "../../core/status.js";
import type { Log } from "../../engine/ports.js";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";
import type { Answer } from "../../journal/journal.js";
import { isCompensation } from "../world/ledger.js";
import type { Asked, Pod } from "../world/pod.js";
import { createWorld, type World } from "../world/world.js";
import { isDue } from "./crash.js";
import { readDurable } from "./durable.js";
import type { Call, ExpectedAnswer } from "./expected.js";
import { type Fault, isCrash } from "./fault.js";
import { letTimeGoOn } from "./let-time-go-on.js";
import { type CallRules, createCallRules, shortKey } from "./rules.js";
import type { Messages } from "./sample.js";
import { noTrouble, sagaId, troubleOf } from "./trouble.js";
import { type NodeWatch, watchNodes } from "./watch-nodes.js";

/** What came of a case. */
export interface Seen {
  /** In the order in which they left. */
  readonly calls: readonly Call[];
  /** "OPEN": the saga has not ended. "NONE": there is none. */
  readonly state: "COMPLETED" | "COMPENSATED" | "STUCK" | "OPEN" | "NONE";
  /** What the client was told; undefined: nothing. */
  readonly answer: ExpectedAnswer | undefined;
  /** The steps whose effect stands in the end, in the facade's order. */
  readonly left: readonly string[];
  /** What the user's code threw. */
  readonly threw: readonly string[];
  /** What did not hold of the calls, or of the answers. */
  readonly broken: readonly string[];
  /** What the engine logged as a warning or an error. */
  readonly said: readonly string[];
}

/** A case to play. */
export interface Play {
  readonly facade: FacadeDefinition;
  readonly messages: Messages;
  readonly otherIds: readonly string[];
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
  otherIds,
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
  rules = createCallRules(facade, durable, otherIds);
  const broken: string[] = [];
  const tooMany = () => world.network.left.length > wanted + patience;

  const crash = cause !== undefined && isCrash(cause.fault) ? cause : undefined;
  const holdsUp = (group: number) => crash?.fault === "crash after the journal write" && group > crash.step.group;
  const first = watchNodes(facade, holdsUp);
  const asked = [await ask(world, first, log, messages.request)];
  const lives = [first];
  if (crash === undefined) {
    await letTimeGoOn(world, first.watch, tooMany);
  } else {
    const due = isDue(world.network, durable, facade, crash);
    if ((await letTimeGoOn(world, first.watch, () => due() || tooMany())) !== "done" || !due()) {
      broken.push(`the saga never came to the point of ${crash.fault} of ${crash.step.name}`);
    }
    asked[0]?.pod.process.kill();
    const second = watchNodes(facade);
    lives.push(second);
    asked.push(await ask(world, second, log, messages.request));
    await letTimeGoOn(world, second.watch, tooMany);
  }

  for (const [name, times] of lives.flatMap(({ watch }) => [...watch.calls])) {
    if (times > 1) {
      broken.push(`${name} was called ${times} times: every attempt is to bear what it answered first`);
    }
  }

  const answers = asked.flatMap(({ call: { answer, error } }) => {
    if (error !== undefined) {
      broken.push(`the client's call was refused: ${String(error)}`);
    }
    return answer === undefined ? [] : [told(answer)];
  });
  const [answer, ...others] = answers;
  if (others.some((other) => JSON.stringify(other) !== JSON.stringify(answer))) {
    broken.push("the client was told one thing before the crash, and another after it");
  }
  const notMade = crash?.fault === "crash before the call" ? `${sagaId}/${crash.step.name}` : undefined;
  const calls = world.network.left.filter(({ idempotencyKey, nth }) => idempotencyKey !== notMade || nth > 1);
  const rows = facade.steps.map(({ name, kind }) => ({ name, kind, row: world.ledger.rows.get(`${sagaId}/${name}`) }));
  for (const { name, row } of rows) {
    if (row !== undefined && row.effects > 1) {
      broken.push(`${name} took effect ${row.effects} times`);
    }
  }
  const phase = world.tables.sagas.get(sagaId)?.phase;
  return {
    calls: calls.map(({ path, idempotencyKey }) => ({ method: path, key: shortKey(idempotencyKey) })),
    state: phase === undefined ? "NONE" : (phase.toUpperCase() as Seen["state"]),
    answer,
    left: rows.filter(({ kind, row }) => kind !== "read" && row?.state === "done").map(({ name }) => name),
    threw: [...new Set(lives.flatMap(({ watch }) => watch.threw))],
    broken: [...broken, ...rules.broken],
    said: [...said],
  };
}

/** Starts a server on what the journal holds, and has the client ask it. */
async function ask(
  world: World,
  { facade, watch }: { readonly facade: FacadeDefinition; readonly watch: NodeWatch },
  log: Log,
  request: unknown,
): Promise<{ readonly pod: Pod; readonly call: Asked }> {
  const pod = world.start([facade], { log });
  await letTimeGoOn(world, watch, () => pod.ready || pod.startError !== undefined);
  return { pod, call: pod.ask(facade, { sagaId, request }) };
}

function bodyOf({ responses }: Messages, { idempotencyKey }: { readonly idempotencyKey: string }): Uint8Array {
  const none = new Uint8Array();
  return isCompensation(idempotencyKey) ? none : (responses.get(shortKey(idempotencyKey)) ?? none);
}

/** As the broker outside the process is: it keeps what is not handled, lets nothing be claimed, and delivers twice. */
function twice(embedded: Broker): Broker {
  return {
    ...embedded,
    keepsMessages: true,
    claim: () => undefined,
    publish: (messages) => embedded.publish(messages.flatMap((message) => [message, message])),
  };
}

function told(answer: Answer): ExpectedAnswer {
  if (answer.ok) {
    return { ok: true };
  }
  const { code, reason } = answer.failure;
  return { ok: false, status: statusName(code), reason, step: answer.step };
}
