import type { ConsumerListener, KafkaClient, KafkaConsumer } from "./client.js";
import { abortable } from "./time.js";

/** A member of the group that comes back, whatever happens to it. */
export interface GroupMember {
  /** The member as it is now; undefined while it is away. */
  readonly consumer: KafkaConsumer | undefined;
  /** Leaves the group. */
  close(): Promise<void>;
}

const minBackoffMs = 200;
const maxBackoffMs = 2_000;

/**
 * Joins the group. A member that crashed (its broker was away for long) is made anew, and so is one without a sign of
 * life: a client library that is stuck would hold its partitions for ever.
 * @param silenceMs how long it may give no sign of life
 */
export function joinGroup(
  client: KafkaClient,
  topics: readonly string[],
  listener: Omit<ConsumerListener, "alive">,
  silenceMs: number,
): GroupMember {
  const stop = new AbortController();
  let consumer: KafkaConsumer | undefined;
  let backoffMs = minBackoffMs;
  const work = run();

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      const error = await live();
      const gone = consumer;
      consumer = undefined;
      await gone?.close();
      if (stop.signal.aborted) {
        return;
      }
      listener.crashed(error);
      await abortable(backoffMs, stop.signal);
      backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
    }
  }

  /** One life of the member. @returns why it ended */
  function live(): Promise<unknown> {
    return new Promise((resolve) => {
      const silent = () => resolve(new Error(`the Kafka client gave no sign of life for ${silenceMs} ms`));
      const watchdog = setTimeout(silent, silenceMs);
      const end = (error?: unknown) => {
        clearTimeout(watchdog);
        stop.signal.removeEventListener("abort", end);
        resolve(error);
      };
      stop.signal.addEventListener("abort", end);
      consumer = client.consume(topics, {
        rebalancing: listener.rebalancing,
        assigned(partitions) {
          watchdog.refresh();
          backoffMs = minBackoffMs;
          listener.assigned(partitions);
        },
        batch: listener.batch,
        alive: () => void watchdog.refresh(),
        crashed: end,
      });
    });
  }

  return {
    get consumer() {
      return consumer;
    },
    async close() {
      stop.abort();
      await work;
    },
  };
}
