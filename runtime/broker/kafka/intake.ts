import type { Assignment, CommitOffset, FetchedBatch, FetchedRecord, KafkaConsumer } from "./client.js";
import { createOffsetTracker, type OffsetTracker } from "./offset-tracker.js";

/** A message in hand. */
export interface Arrival {
  readonly topic: string;
  readonly partition: number;
  readonly record: FetchedRecord;
  /** To be called once it is taken care of, for good. */
  handled(): void;
}

/** What of the partitions was taken in, and what of that is handled. */
export interface Intake {
  /** Takes a batch in. */
  take(batch: FetchedBatch): readonly Arrival[];
  /**
   * Forgets all: what is not handled comes again, here or at another member.
   * @param assigned the partitions that this member has now, by topic, where that is known
   */
  reset(assigned?: Assignment): void;
  /** Commits up to where everything is handled; waits for a commit under way first. Never rejects. */
  commit(): Promise<void>;
  /** Reads nothing more from any partition. */
  pauseAll(): void;
}

/** What the intake needs. */
export interface IntakeOptions {
  /** The member, while there is one. */
  consumer(): KafkaConsumer | undefined;
  lag(topic: string, partition: number, messages: number): void;
  /** The offsets that the next messages of a topic's partitions get. */
  ends(topic: string): Promise<ReadonlyMap<number, bigint>>;
  commitFailed(error: unknown): void;
  endsFailed(error: unknown): void;
  /** How long a message may be handled and not committed, ms. */
  readonly commitIntervalMs: number;
  /** How often the lag of partitions is told that are not read for a time, ms. */
  readonly lagIntervalMs: number;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly tracker: OffsetTracker;
  paused: boolean;
  /** Where it was begun to be read. */
  readonly begin: bigint;
  /** The offset that the partition's next message gets, as far as is known. */
  end: bigint;
  committed: bigint | undefined;
}

/**
 * A partition with more in hand is not read; it is again once half of it is handled. `span`: so many may be handled
 * behind one that keeps failing, all of which would come again after a crash.
 */
const highWater = { open: 2_000, openBytes: 8 * 1024 * 1024, span: 50_000 };

/** Makes one. */
export function createIntake({ consumer, lag, ends, ...options }: IntakeOptions): Intake {
  const { commitFailed, endsFailed, commitIntervalMs, lagIntervalMs } = options;
  let partitions = new Map<string, Partition>();
  let committing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  let watching = false;

  function partitionOf({ topic, partition, end, records }: FetchedBatch): Partition {
    const name = `${topic}/${partition}`;
    const known = partitions.get(name) ?? {
      topic,
      partition,
      tracker: createOffsetTracker(),
      paused: false,
      begin: records[0]?.offset ?? end,
      end,
      committed: undefined,
    };
    partitions.set(name, known);
    known.end = end;
    return known;
  }

  function exceeds({ tracker }: Partition, share: number): boolean {
    const { open, openBytes, span } = highWater;
    return tracker.open > open * share || tracker.openBytes > openBytes * share || tracker.span > span * share;
  }

  function tellLag({ topic, partition, end, begin, tracker }: Partition): void {
    lag(topic, partition, Number(end - (tracker.handledTo ?? begin)));
  }

  /** Of a partition that is not read, no batch tells how it grows. */
  function watchPaused(): void {
    if (watching) {
      return;
    }
    watching = true;
    setTimeout(() => {
      const known = partitions;
      const paused = [...known.values()].filter((partition) => partition.paused);
      const topics = [...new Set(paused.map(({ topic }) => topic))];
      Promise.all(topics.map(async (topic) => [topic, await ends(topic)] as const))
        .then((all) => {
          const endsOf = new Map(all);
          for (const partition of known === partitions ? paused : []) {
            partition.end = endsOf.get(partition.topic)?.get(partition.partition) ?? partition.end;
            tellLag(partition);
          }
        })
        .catch(endsFailed)
        .finally(() => {
          watching = false;
          if ([...partitions.values()].some((partition) => partition.paused)) {
            watchPaused();
          }
        });
    }, lagIntervalMs).unref();
  }

  function commitSoon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      void commit();
    }, commitIntervalMs);
  }

  function commit(): Promise<void> {
    committing = committing.then(async () => {
      const ahead = [...partitions.values()].filter(({ tracker, committed }) => tracker.handledTo !== committed);
      const offsets = ahead.flatMap(({ topic, partition, tracker: { handledTo } }): CommitOffset[] => {
        return handledTo === undefined ? [] : [{ topic, partition, offset: handledTo }];
      });
      const member = consumer();
      if (offsets.length === 0 || member === undefined) {
        return;
      }
      try {
        await member.commit(offsets);
      } catch (error) {
        commitFailed(error);
        commitSoon();
        return;
      }
      for (const [at, partition] of ahead.entries()) {
        partition.committed = offsets[at]?.offset;
        tellLag(partition);
      }
    });
    return committing;
  }

  return {
    take(batch) {
      const partition = partitionOf(batch);
      const { topic, tracker } = partition;
      const arrivals = batch.records.map((record): Arrival => {
        const taken = tracker.add(record.offset, (record.key?.length ?? 0) + (record.value?.length ?? 0));
        return {
          topic,
          partition: partition.partition,
          record,
          handled() {
            tracker.done(taken);
            // Of an assignment that has ended: another member may have the partition by now.
            if (partitions.get(`${topic}/${partition.partition}`) !== partition) {
              return;
            }
            commitSoon();
            if (partition.paused && !exceeds(partition, 0.5)) {
              partition.paused = false;
              consumer()?.resume(topic, partition.partition);
            }
          },
        };
      });
      if (batch.records.length > 0) {
        tellLag(partition);
      }
      if (!partition.paused && exceeds(partition, 1)) {
        partition.paused = true;
        consumer()?.pause(topic, partition.partition);
        watchPaused();
      }
      return arrivals;
    },
    reset(assigned) {
      // The library remembers across assignments what is paused.
      for (const { topic, partition, paused } of partitions.values()) {
        if (paused) {
          consumer()?.resume(topic, partition);
        }
        if (assigned !== undefined && !assigned.get(topic)?.includes(partition)) {
          lag(topic, partition, 0); // Another member tells of it now.
        }
      }
      partitions = new Map();
      clearTimeout(timer);
      timer = undefined;
    },
    commit,
    pauseAll() {
      for (const { topic, partition } of partitions.values()) {
        consumer()?.pause(topic, partition);
      }
    },
  };
}
