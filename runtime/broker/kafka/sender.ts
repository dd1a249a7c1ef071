import { SagaError } from "../../core/errors.js";
import type { KafkaClient, KafkaProducer, OutgoingRecord } from "./client.js";
import { createParking } from "./parking.js";
import { abortable, within } from "./time.js";

/** Sends messages, whatever it takes, in their order. */
export interface Sender {
  /** @returns whether they are acknowledged; false where the sender was closed before */
  send(records: readonly OutgoingRecord[]): Promise<boolean>;
  /** Begins to send; what came before has waited. Messages on other topics than these wait for ever. */
  open(topics: ReadonlySet<string>): void;
  /** Sends what it can within this many ms, and answers false for the rest. */
  close(timeoutMs: number): Promise<void>;
}

interface Publication {
  unsent: number;
  settle(sent: boolean): void;
}

interface Unsent {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  readonly publication: Publication;
}

/** Of a request: Kafka's default limit for what one partition gets at a time is 1 MiB. */
const batchBytes = 512 * 1024;
const minBackoffMs = 100;
const maxBackoffMs = 5_000;

/**
 * Makes a sender. One request is under way at a time; what comes meanwhile goes together in the next: under load many
 * messages share a request, and their order is kept without further ado. After a failure the producer is made anew: one
 * whose sequence numbers are in doubt may be refused for ever.
 */
export function createSender(client: KafkaClient, failed: (error: unknown, topic?: string) => void): Sender {
  let queue: Unsent[] = [];
  let wake = () => {};
  let work: Promise<void> | undefined;
  let producer: KafkaProducer | undefined;
  let closing = false;
  /** How many of the first messages go one by one, since one of them was refused. */
  let alone = 0;
  let backoffMs = minBackoffMs;
  const stop = new AbortController();
  const publications = new Set<Publication>();
  const strayTopics = new Set<string>();
  let topics: ReadonlySet<string> = new Set();
  const parking = createParking<Unsent>((items) => {
    queue = [...items, ...queue];
    alone = Math.max(alone, items.length);
    wake();
  });

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const batch = take();
      if (batch.length > 0) {
        await attempt(batch);
      } else if (closing) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }

  /** The next messages that fit in a request, without those whose key waits. */
  function take(): Unsent[] {
    const batch: Unsent[] = [];
    let bytes = 0;
    let at = 0;
    for (const unsent of queue) {
      const full = batch.length > 0 && (bytes + unsent.bytes > batchBytes || alone > 0);
      if (full) {
        break;
      }
      at++;
      if (isKnown(unsent.record.topic) && !parking.takes(placeOf(unsent), unsent)) {
        batch.push(unsent);
        bytes += unsent.bytes;
      }
    }
    queue = at === queue.length ? [] : queue.slice(at);
    alone = Math.max(0, alone - at);
    return batch;
  }

  /** Kafka would answer for the whole request that it knows no such topic. */
  function isKnown(topic: string): boolean {
    if (!topics.has(topic) && !strayTopics.has(topic)) {
      strayTopics.add(topic);
      failed(new SagaError("SAGA_INTERNAL", `topic ${topic} was not announced to the Kafka broker`), topic);
    }
    return topics.has(topic);
  }

  async function attempt(batch: readonly Unsent[]): Promise<void> {
    try {
      producer ??= await client.openProducer();
      await producer.send(batch.map(({ record }) => record));
    } catch (error) {
      await recover(batch, error);
      return;
    }
    backoffMs = minBackoffMs;
    for (const unsent of batch) {
      parking.passed(placeOf(unsent));
      const { publication } = unsent;
      publication.unsent--;
      if (publication.unsent === 0) {
        publications.delete(publication);
        publication.settle(true);
      }
    }
  }

  async function recover(batch: readonly Unsent[], error: unknown): Promise<void> {
    const [first] = batch;
    failed(error, batch.length === 1 ? first?.record.topic : undefined);
    const refused = client.kindOf(error) === "refused";
    if (refused && batch.length === 1 && first !== undefined) {
      parking.park(placeOf(first), first);
      return;
    }
    queue = [...batch, ...queue];
    if (refused) {
      alone = Math.max(alone, batch.length);
      return;
    }
    const broken = producer;
    producer = undefined;
    await broken?.close();
    await abortable(backoffMs, stop.signal);
    backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
  }

  return {
    send(records) {
      if (closing) {
        return Promise.resolve(false);
      }
      if (records.length === 0) {
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const publication = { unsent: records.length, settle: resolve };
        publications.add(publication);
        for (const record of records) {
          queue.push({ record, bytes: sizeOf(record), publication });
        }
        wake();
      });
    },
    open(known) {
      topics = known;
      work ??= run();
    },
    async close(timeoutMs) {
      closing = true;
      wake();
      await within(timeoutMs, work);
      stop.abort();
      await producer?.close();
      parking.clear();
      for (const publication of publications) {
        publication.settle(false);
      }
    },
  };
}

function placeOf({ record }: Unsent): string {
  return `${record.topic}\0${record.key}`;
}

function sizeOf({ key, value }: OutgoingRecord): number {
  return (key?.length ?? 0) + (typeof value === "string" ? Buffer.byteLength(value) : (value?.length ?? 0)) + 100;
}
