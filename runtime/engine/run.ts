import type { SagaEvent } from "../core/event.js";
import type { SagaState } from "../core/state.js";
import { stepOf } from "../core/state.js";
import type { FacadeDefinition, StepDefinition } from "../facade/definition.js";
import type { CompensateContext, StepContext } from "../facade/node.js";
import type { Answer, Message } from "../journal/journal.js";
import type { RecordedEvent } from "../journal/record.js";
import { createFlights, type Flights } from "./flights.js";
import type { Ticket } from "./ticket.js";

/** A saga's records are being read anew. */
export interface Rebasing {
  /** What happens meanwhile. */
  readonly events: SagaEvent[];
  /** Settles when that is over; never rejects. */
  done: Promise<void>;
}

/** A saga that this process drives. */
export interface Run {
  readonly id: string;
  readonly facade: FacadeDefinition;
  /** The facade's request as the client sent it. */
  readonly requestBytes: Uint8Array;
  state: SagaState;
  /** The next entry's number in the journal. */
  seq: number;
  /** What happened and is not yet handed to the journal. */
  pending: RecordedEvent[];
  /** What to do once the pending events are durable. */
  effects: (() => void)[];
  /** What to send once the pending events are durable. The saga's state asks for it: after a crash it is sent again. */
  outgoing: Message[];
  /** An entry is on its way to the journal. The next one waits: the journal never holds a saga's record with a hole. */
  writing: boolean;
  /** Settles once the last entry that was handed to the journal is stored, or refused. */
  stored: Promise<void> | undefined;
  /** Settles once the journal has, or refuses, the saga's first entry; undefined before and after. */
  creating: Promise<void> | undefined;
  /** How deep events are nested in one another's handling; the outermost one writes. */
  depth: number;
  /** What the clients are told, from when that is durable. */
  answer: Answer | undefined;
  answerStored: boolean;
  /** That the saga has ended is, or is about to be, stored: what comes after tells of it no more. */
  endStored: boolean;
  /** Told when the journal refuses an entry, or the engine stops. */
  onRefused: ((error: unknown) => void)[];
  readonly timers: Set<() => void>;
  /** When something last happened to it, by the journal, before this process took it up; ms since the Unix epoch. */
  movedAtMs: number;
  /** How long it has waited already for what it is to wait for now, ms: other than 0 while it is taken up. */
  waitedMs: number;
  /** The places on topics that it holds, by the step that the message asked for, or `rollback`. */
  readonly tickets: Map<number, Ticket>;
  /** The upstream calls of it that this process has under way. */
  flights: Flights;
  cancelDeadline: (() => void) | undefined;
  /** The journal refused an entry: what this process believes is no longer the truth, and nothing more comes of it. */
  abandoned: boolean;
  /** Another process has moved the saga on, and its records are being read. */
  rebasing: Rebasing | undefined;
  request: { readonly value: unknown } | undefined;
  readonly results: Map<string, unknown>;
}

/** A saga as this process begins to drive it. @param seq the number of entries that the journal has of it */
export function createRun(
  facade: FacadeDefinition,
  id: string,
  requestBytes: Uint8Array,
  state: SagaState,
  seq: number,
): Run {
  return {
    id,
    facade,
    requestBytes,
    state,
    seq,
    pending: [],
    effects: [],
    outgoing: [],
    writing: false,
    stored: undefined,
    creating: undefined,
    depth: 0,
    answer: undefined,
    answerStored: false,
    endStored: false,
    onRefused: [],
    timers: new Set(),
    movedAtMs: 0,
    waitedMs: 0,
    tickets: new Map(),
    flights: createFlights(),
    cancelDeadline: undefined,
    abandoned: false,
    rebasing: undefined,
    request: undefined,
    results: new Map(),
  };
}

/** A step's definition. @throws RangeError where the facade has no such step */
export function stepDefinition(run: Run, at: number): StepDefinition {
  const step = run.facade.steps[at];
  if (step === undefined) {
    throw new RangeError(`${run.facade.name} has no step at position ${at}`);
  }
  return step;
}

/** The idempotency key that each attempt of a step bears. */
export function stepKey(run: Run, at: number): string {
  return `${run.id}/${stepDefinition(run, at).name}`;
}

/** The same of its compensation. */
export function compensationKey(run: Run, at: number): string {
  return `${stepKey(run, at)}/compensate`;
}

/** The request, decoded once. */
export function requestOf(run: Run): unknown {
  run.request ??= { value: run.facade.request.decode(run.requestBytes) };
  return run.request.value;
}

/** The responses of the steps in groups before this one, by step name, each decoded once. */
export function resultsBefore(run: Run, group: number): Record<string, unknown> {
  const results: Record<string, unknown> = {};
  run.facade.steps.forEach((step, at) => {
    const { received } = stepOf(run.state, at);
    if (step.group < group && received !== undefined) {
      results[step.name] = resultOf(run, step, received);
    }
  });
  return results;
}

/** What the node of a step is told; past the last step, what `respond` is told. */
export function stepContext(run: Run, group: number): StepContext<unknown, unknown> {
  return { sagaId: run.id, request: requestOf(run), results: resultsBefore(run, group) };
}

/** What the node is told to build the compensation's request. */
export function compensateContext(run: Run, at: number): CompensateContext<unknown, unknown, unknown, unknown> {
  const step = stepDefinition(run, at);
  const { sent, received } = stepOf(run.state, at);
  return {
    ...stepContext(run, step.group),
    sent: step.request.decode(sent ?? new Uint8Array()),
    received: received === undefined ? undefined : resultOf(run, step, received),
  };
}

function resultOf(run: Run, step: StepDefinition, received: Uint8Array): unknown {
  if (!run.results.has(step.name)) {
    run.results.set(step.name, step.response.decode(received));
  }
  return run.results.get(step.name);
}
