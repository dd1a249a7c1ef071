import type { SagaEvent } from "../../runtime/core/event.js";
import { initialState, type SagaState } from "../../runtime/core/state.js";
import { transition } from "../../runtime/core/transition.js";
import type { FacadeDefinition } from "../../runtime/facade/definition.js";
import type { Answer, Entry } from "../../runtime/journal/journal.js";
import { decodeRecord, recordTime } from "../../runtime/journal/record.js";
import type { Process } from "../../runtime/testing/world/process.js";
import type { SagaRow } from "../../runtime/testing/world/tables.js";
import { enter, openBook, type SagaBook, type Violate } from "./book.js";
import { judgeEvent } from "./judge-events.js";

/** Watches what becomes durable, and keeps a book of each saga. */
export interface Oracle {
  readonly books: ReadonlyMap<string, SagaBook>;
  /** To be told of each entry as it becomes durable. */
  stored(row: SagaRow, entry: Entry, writer: Process | undefined): void;
}

interface Watched {
  readonly book: SagaBook;
  state: SagaState;
  answer: Answer | undefined;
  phase: SagaRow["phase"];
  next: number;
  /** Who wrote last, and since when without another between, true time in ms. */
  writer: Process | undefined;
  sinceMs: number;
}

/** Makes one. @param now true time, ms */
export function createOracle(
  facades: ReadonlyMap<string, FacadeDefinition>,
  now: () => number,
  violate: Violate,
): Oracle {
  const watched = new Map<string, Watched>();
  const books = new Map<string, SagaBook>();

  function open(row: SagaRow): Watched {
    const facade = facades.get(row.facade);
    if (facade === undefined) {
      throw new Error(`a saga of a facade ${row.facade} that nobody has`);
    }
    const book = openBook(row.sagaId, facade);
    const saga = {
      book,
      state: initialState(facade),
      answer: undefined,
      phase: "open",
      next: 0,
      writer: undefined,
      sinceMs: 0,
    };
    watched.set(row.sagaId, saga as Watched);
    books.set(row.sagaId, book);
    return saga as Watched;
  }

  function stored(row: SagaRow, entry: Entry, writer: Process | undefined): void {
    const saga = watched.get(row.sagaId) ?? open(row);
    const { book } = saga;
    const id = `${row.sagaId}, entry ${entry.seq}`;
    if (entry.seq !== saga.next++) {
      violate("one history", `${id}: number ${saga.next - 1} was expected`);
    }
    if (saga.phase === "completed" || saga.phase === "compensated") {
      const events = decodeRecord(entry.record);
      if (events.length > 0) {
        violate("an end is an end", `${id}: ${events.map(({ kind }) => kind)} after ${saga.phase}`);
      }
    }
    book.entries++;
    const atMs = recordTime(entry.record);
    const events = decodeRecord(entry.record);
    for (const event of events) {
      judgeEvent(book, event, violate);
      enter(book, event);
      replay(saga, event, id);
    }
    answered(saga, entry, id);
    book.endsTold += entry.messages.length;
    if (book.endsTold > 1) {
      violate("each end is told", `${id}: the message of its end is stored ${book.endsTold} times`);
    }
    deadline(saga, events, atMs, writer, id);
    if (entry.phase !== phaseOf(saga.state)) {
      violate("the journal knows the phase", `${id}: stored as ${entry.phase}, its events say ${saga.state.phase}`);
    }
    saga.phase = entry.phase;
    if (saga.writer !== writer) {
      saga.writer = writer;
      saga.sinceMs = now();
    }
  }

  /** Each entry must follow from those before it: else it was decided on another past. */
  function replay(saga: Watched, event: SagaEvent, id: string): void {
    const { state, unexpected } = transition(saga.book.facade, saga.state, event);
    if (unexpected !== undefined) {
      violate("one history", `${id}: ${event.kind} does not follow from what is stored: ${unexpected}`);
    }
    saga.state = state;
  }

  function answered(saga: Watched, entry: Entry, id: string): void {
    if (entry.answer === undefined) {
      return;
    }
    const { book } = saga;
    if (saga.answer !== undefined && !sameAnswer(saga.answer, entry.answer)) {
      violate("one answer", `${id}: the answer has changed`);
    }
    saga.answer = entry.answer;
    if (entry.answer.ok) {
      const done = book.steps.every(({ status }) => status === "done");
      if (book.facade.mode !== "async" && (!done || entry.phase !== "completed")) {
        violate("the answer is true", `${id}: success is recorded in phase ${entry.phase}, steps done: ${done}`);
      }
      return;
    }
    const { failure, step } = entry.answer;
    if (book.turnedBack === undefined && !book.respondFailed) {
      violate("the answer is true", `${id}: a failure is recorded, and nothing turned the saga back`);
    }
    if (failure.reason === "SAGA_STEP_FAILED") {
      const own = book.steps.find((known) => known.step.name === step)?.lastFailure;
      if (own?.code !== failure.code || own.message !== failure.message) {
        violate("the answer is true", `${id}: it names ${step} with ${failure.code}, which failed with ${own?.code}`);
      }
    }
  }

  /** A saga that is driven turns back when its deadline passes: it decides on no further call after it. */
  function deadline(
    saga: Watched,
    events: readonly SagaEvent[],
    atMs: number,
    writer: Process | undefined,
    id: string,
  ) {
    const { book, state } = saga;
    if (
      book.deadlineAtMs === undefined ||
      writer === undefined ||
      saga.writer !== writer ||
      now() - saga.sinceMs < slackMs ||
      atMs <= book.deadlineAtMs + slackMs ||
      state.phase !== "running" ||
      writer.skewMs !== 0 ||
      writer.stalledUntilMs > 0 ||
      events.some(({ kind }) => kind === "recovered") ||
      !events.some(({ kind }) => kind === "step-called" || kind === "step-succeeded")
    ) {
      return;
    }
    const committed = book.steps.some(({ step, intents }) => step.kind === "pivot" && intents > 0);
    if (!committed) {
      violate("deadlines", `${id}: it goes on ${atMs - book.deadlineAtMs} ms past its deadline`);
    }
  }

  return { books, stored };
}

/** How long after its time a deadline may be noticed, ms: the time of one more entry. */
const slackMs = 10;

function phaseOf({ phase }: SagaState): SagaRow["phase"] {
  return phase === "completed" || phase === "compensated" || phase === "stuck" ? phase : "open";
}

/** Whether two answers tell a client the same. */
export function sameAnswer(one: Answer, other: Answer): boolean {
  if (one.ok && other.ok) {
    return Buffer.compare(one.response, other.response) === 0;
  }
  return !one.ok && !other.ok && one.step === other.step && sameFailure(one.failure, other.failure);
}

type Told = Extract<Answer, { ok: false }>["failure"];

function sameFailure(one: Told, other: Told): boolean {
  return one.code === other.code && one.message === other.message && one.reason === other.reason;
}
