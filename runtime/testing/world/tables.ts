import { deadLetterTopic } from "../../broker/broker.js";
import { SagaError } from "../../core/errors.js";
import type {
  DeadLetter,
  Entry,
  FirstEntry,
  IdleSaga,
  Message,
  SagasInFlight,
  StoredMessage,
  StoredPhase,
  StoredSaga,
} from "../../journal/journal.js";

/** A saga as the disk has it. */
export interface SagaRow extends Omit<StoredSaga, "records" | "phase" | "answer" | "ownedHere"> {
  phase: StoredPhase;
  answer: StoredSaga["answer"];
  readonly records: Uint8Array[];
  /** The process that wrote last. */
  owner: string;
  /** When it was made, and when last written to, true time in ms. */
  readonly createdAtMs: number;
  touchedAtMs: number;
}

/** A message as the disk has it. */
export interface MessageRow extends StoredMessage {
  owner: string;
  readonly deadReason: string | undefined;
}

/** Called with each entry that has become durable. */
export type OnStored = (row: SagaRow, entry: Entry, owner: string) => void;

/** What a journal's disk holds: it outlives every process. */
export interface Tables {
  readonly sagas: ReadonlyMap<string, SagaRow>;
  readonly messages: ReadonlyMap<number, MessageRow>;
  /** @returns the stored messages, or "exists" */
  create(entry: FirstEntry, owner: string): readonly StoredMessage[] | "exists";
  /** @throws SagaError SAGA_JOURNAL_CONFLICT or, where the number can be no later entry's, SAGA_JOURNAL_UNAVAILABLE */
  append(entry: Entry, owner: string): readonly StoredMessage[];
  /** @param asker the process that asks. Default: the owner */
  load(sagaId: string, asker?: string): StoredSaga | undefined;
  /** Removes what ended at least so long ago. @returns how many sagas that were */
  removeEnded(keepMs: number, limit: number): number;
  list(phase: "open" | "stuck", owner?: string): readonly string[];
  /** As the journal's. */
  listIdle(idleMs: number, limit: number, after: string, owner?: string): readonly IdleSaga[];
  countOpen(facade: string): number;
  /** By structure, those of the journal's `inFlight`. */
  inFlight(): readonly SagasInFlight[];
  pending(owner?: string): readonly StoredMessage[];
  remove(ids: readonly number[]): void;
  addDeadLetter(message: Message, reason: string, owner: string): void;
  deadLetters(topic: string): readonly DeadLetter[];
  /** Reports every later entry. */
  onStored(listener: OnStored): void;
}

/** Makes an empty disk. @param now the true time, ms */
export function createTables(now: () => number): Tables {
  const sagas = new Map<string, SagaRow>();
  const messages = new Map<number, MessageRow>();
  const listeners: OnStored[] = [];
  let lastId = 0;

  function store(list: readonly Message[], owner: string): readonly StoredMessage[] {
    return list.map(({ topic, key, body }) => {
      const id = ++lastId;
      messages.set(id, { id, topic, key, body, owner, deadReason: undefined });
      return { id, topic, key, body };
    });
  }

  function tell(row: SagaRow, entry: Entry, owner: string): void {
    for (const listener of listeners) {
      listener(row, entry, owner);
    }
  }

  return {
    sagas,
    messages,
    onStored: (listener) => void listeners.push(listener),
    create(entry, owner) {
      if (sagas.has(entry.sagaId)) {
        return "exists";
      }
      const { sagaId, facade, fingerprint, phase, answer } = entry;
      const request = entry.request.slice();
      const records = [entry.record.slice()];
      const row = {
        sagaId,
        facade,
        fingerprint,
        request,
        phase,
        answer,
        records,
        owner,
        createdAtMs: now(),
        touchedAtMs: now(),
      };
      sagas.set(sagaId, row);
      const stored = store(entry.messages, owner);
      tell(row, entry, owner);
      return stored;
    },
    append(entry, owner) {
      const { sagaId, seq } = entry;
      const row = sagas.get(sagaId);
      if (row === undefined && seq >= 1) {
        throw new SagaError("SAGA_JOURNAL_CONFLICT", `there is no saga ${sagaId} any more`);
      }
      if (seq < 1 || row === undefined) {
        throw new SagaError("SAGA_JOURNAL_UNAVAILABLE", `entry ${seq} of saga ${sagaId} is no later one`);
      }
      // mutation: entry-number-is-unique
      if (row.records[seq] !== undefined) {
        throw new SagaError("SAGA_JOURNAL_CONFLICT", `saga ${sagaId} has an entry ${seq} already`);
      }
      row.records[seq] = entry.record.slice();
      row.phase = entry.phase;
      row.answer = entry.answer ?? row.answer;
      row.owner = owner;
      row.touchedAtMs = now();
      const stored = store(entry.messages, owner);
      tell(row, entry, owner);
      return stored;
    },
    load(sagaId, asker) {
      const row = sagas.get(sagaId);
      if (row === undefined) {
        return undefined;
      }
      const { facade, fingerprint, request, phase, answer } = row;
      // A sequence gap is skipped, as a database's query would.
      const records = Object.values(row.records);
      const ownedHere = asker === undefined || asker === row.owner;
      return { sagaId, facade, fingerprint, request, phase, answer, records, ownedHere };
    },
    listIdle(idleMs, limit, after, owner) {
      return [...sagas.values()]
        .filter((row) => {
          const idle = row.phase === "open" && row.touchedAtMs <= now() - idleMs && row.sagaId > after;
          return idle && (owner === undefined || row.owner === owner);
        })
        .toSorted((one, other) => (one.sagaId < other.sagaId ? -1 : 1))
        .slice(0, limit)
        .map(({ sagaId, records }) => ({ sagaId, entries: records.length }));
    },
    removeEnded(keepMs, limit) {
      const old = [...sagas.values()].filter(({ phase, touchedAtMs }) => {
        return (phase === "completed" || phase === "compensated") && touchedAtMs <= now() - keepMs;
      });
      const gone = old.slice(0, limit);
      for (const { sagaId } of gone) {
        sagas.delete(sagaId);
      }
      return gone.length;
    },
    list: (phase, owner) =>
      [...sagas.values()]
        .filter((row) => row.phase === phase && (owner === undefined || row.owner === owner))
        .map(({ sagaId }) => sagaId),
    countOpen: (facade) => [...sagas.values()].filter((row) => row.phase === "open" && row.facade === facade).length,
    inFlight: () => inFlightOf([...sagas.values()]),
    pending: (owner) =>
      [...messages.values()]
        .filter((row) => row.deadReason === undefined && (owner === undefined || row.owner === owner))
        .map(({ id, topic, key, body }) => ({ id, topic, key, body })),
    remove(ids) {
      for (const id of ids) {
        messages.delete(id);
      }
    },
    addDeadLetter({ topic, key, body }, reason, owner) {
      const id = ++lastId;
      // No database has a NUL in its texts.
      const deadReason = reason.replaceAll("\0", "\\0");
      messages.set(id, { id, topic: deadLetterTopic(topic), key, body, owner, deadReason });
    },
    deadLetters: (topic) =>
      [...messages.values()].flatMap(({ id, topic: on, key, body, deadReason }) =>
        on === deadLetterTopic(topic) && deadReason !== undefined
          ? [{ id, topic: on, key, body, reason: deadReason }]
          : [],
      ),
  };
}

/** How many ids are listed for a structure. */
const idsTold = 5;

function inFlightOf(sagas: readonly SagaRow[]): readonly SagasInFlight[] {
  const groups = new Map<string, SagaRow[]>();
  for (const row of sagas.filter(({ phase }) => phase === "open" || phase === "stuck")) {
    const key = JSON.stringify([row.facade, row.fingerprint]);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const all = [...groups.values()].flatMap((rows): SagasInFlight[] => {
    const [oldest] = rows;
    return oldest === undefined
      ? []
      : [
          {
            facade: oldest.facade,
            fingerprint: oldest.fingerprint,
            open: rows.filter(({ phase }) => phase === "open").length,
            stuck: rows.filter(({ phase }) => phase === "stuck").length,
            oldestMs: oldest.createdAtMs,
            sagaIds: rows.slice(0, idsTold).map(({ sagaId }) => sagaId),
          },
        ];
  });
  return all.sort((one, other) =>
    one.facade === other.facade ? one.oldestMs - other.oldestMs : one.facade < other.facade ? -1 : 1,
  );
}
