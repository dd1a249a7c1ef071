import type { CommitOffset, FetchedBatch, FetchedRecord, KafkaConsumer } from "./client.js";
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
  /** Forgets all: what is not handled comes again, here or at another member. */
  reset(): void;
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
  commitFailed(error: unknown): void;
  /** How long a message may be handled and not committed, ms. */
  readonly commitIntervalMs: number;
}

interface Partition {
  readonly topic: string;
  readonly partition: number;
  readonly tracker: OffsetTracker;
  paused: boolean;
  /** The offset that the partition's next message gets, as far as is known. */
  end: bigint;
  committed: bigint | undefined;
}

/** A partition with more in hand is not read; it is again once half of it is handled. */
const highWater = { messages: 2_000, bytes: 8 * 1024 * 1024 };

/** Makes one. */
export function createIntake({ consumer, lag, commitFailed, commitIntervalMs }: IntakeOptions): Intake {
  let partitions = new Map<string, Partition>();
  let committing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  function partitionOf({ topic, partition, end }: FetchedBatch): Partition {
    const name = `${topic}/${partition}`;
    const known = partitions.get(name) ?? {
      topic,
      partition,
      tracker: createOffsetTracker(),
      paused: false,
      end,
      committed: undefined,
    };
    partitions.set(name, known);
    known.end = end;
    return known;
  }

  function exceeds({ tracker }: Partition, share: number): boolean {
    return tracker.pending > highWater.messages * share || tracker.pendingBytes > highWater.bytes * share;
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
        lag(partition.topic, partition.partition, Number(partition.end - (partition.committed ?? partition.end)));
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
      const [first] = batch.records;
      if (first !== undefined) {
        lag(topic, partition.partition, Number(batch.end - (tracker.handledTo ?? first.offset)));
      }
      if (!partition.paused && exceeds(partition, 1)) {
        partition.paused = true;
        consumer()?.pause(topic, partition.partition);
      }
      return arrivals;
    },
    reset() {
      // The library remembers across assignments what is paused.
      for (const { topic, partition, paused } of partitions.values()) {
        if (paused) {
          consumer()?.resume(topic, partition);
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
