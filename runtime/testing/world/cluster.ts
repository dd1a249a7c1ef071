import type { Broker, BrokerObserver, Handler } from "../../broker/broker.js";
import { isSagaError } from "../../core/errors.js";
import type { Message } from "../../journal/journal.js";
import { createLog, type Log, partitionOf, partitions } from "./log.js";
import type { ClusterBehaviour, Member, Sender } from "./member.js";
import { never, type Process } from "./process.js";
import type { Scheduler } from "./scheduler.js";

/** A cluster such as Kafka's: topics that outlive processes, and one group that shares them out. */
export interface Cluster {
  /** What a process has as its broker. */
  member(process: Process, observer: BrokerObserver): Broker;
  /** Puts a message on its topic, as another program would. */
  put(message: Message): void;
  /** Rebalances the group: messages that are not committed are delivered again, perhaps to another member. */
  rebalance(): void;
  /** How many messages are not handled for good. */
  readonly open: number;
  readonly buried: readonly { readonly message: Message; readonly reason: string }[];
}

/** How long a process waits before it tries again to reach a cluster that is away, ms. */
const retryMs = 200;

/** Makes a cluster. */
export function createCluster(scheduler: Scheduler, behaviour: ClusterBehaviour = {}): Cluster {
  const {
    publishMs = () => 1,
    twice = () => false,
    away = () => false,
    sessionTimeoutMs = 10_000,
    redeliveryDelayMs = 1_000,
    commitIntervalMs = 100,
    rebalanceMs = 50,
  } = behaviour;
  const logs = new Map<string, Log>();
  const members: Member[] = [];
  const buried: { message: Message; reason: string }[] = [];
  let sharings = 0;
  let assignment: (Member | undefined)[] = [];
  let publications = 0;

  function logOf(topic: string, partition: number): Log {
    const name = `${topic}/${partition}`;
    const log = logs.get(name) ?? createLog(topic, partition);
    logs.set(name, log);
    return log;
  }

  function put(message: Message): void {
    const partition = partitionOf(message.key);
    logOf(message.topic, partition).append(message);
    pump(message.topic, partition);
  }

  function rebalance(): void {
    const sharing = ++sharings;
    assignment = [];
    scheduler.after(rebalanceMs, () => {
      if (sharing !== sharings) {
        return;
      }
      const live = members.filter(({ joined }) => joined);
      assignment = Array.from({ length: partitions }, (_, at) => live[(at + sharing) % Math.max(1, live.length)]);
      for (const log of logs.values()) {
        log.rewind();
        pump(log.topic, log.partition);
      }
    });
  }

  function expel(member: Member): void {
    if (member.joined) {
      member.joined = false;
      rebalance();
    }
  }

  /** Whoever is dead by then never does, and what was handled comes again. */
  function commitLater(member: Member, log: Log, sharing: number): void {
    member.process.after(commitIntervalMs, () => {
      if (sharing === sharings && away(member.process)) {
        commitLater(member, log, sharing);
      } else if (sharing === sharings) {
        log.commit();
      }
    });
  }

  function pump(topic: string, partition: number): void {
    const member = assignment[partition];
    const subscription = member?.topics.get(topic);
    if (member === undefined || subscription === undefined || !member.joined || member.closed) {
      return;
    }
    const log = logOf(topic, partition);
    while ((member.handling.get(topic) ?? 0) < subscription.options.concurrency) {
      const next = log.take();
      if (next === undefined) {
        return;
      }
      const sharing = sharings;
      const { offset, message } = next;
      member.handling.set(topic, (member.handling.get(topic) ?? 0) + 1);
      const hand = () => {
        if (away(member.process)) {
          member.process.after(retryMs, hand);
          return;
        }
        if (sharing !== sharings || member.closed) {
          finish(true);
          return;
        }
        const delivery = handle(subscription.handler, message, offset).finally(() => member.underWay.delete(delivery));
        member.underWay.add(delivery);
      };
      const finish = (clear: boolean) => {
        member.handling.set(topic, (member.handling.get(topic) ?? 1) - 1);
        if (clear && sharing === sharings) {
          log.release(message.key);
        }
        for (let at = 0; at < partitions; at++) {
          pump(topic, at);
        }
      };
      const done = () => {
        if (sharing === sharings) {
          log.handled(offset);
          commitLater(member, log, sharing);
        }
      };
      const handle = async (handler: Handler, given: Message, at: number): Promise<void> => {
        try {
          if (!member.process.cross("broker.deliver", "before", `${topic}/${given.key}`)) {
            return;
          }
          await handler(given);
          done();
          finish(true);
        } catch (error) {
          member.observer.failed(error, topic);
          if (isSagaError(error) && error.code === "SAGA_MESSAGE_POISON") {
            buried.push({ message: given, reason: error.message });
            member.observer.deadLettered(topic, error.message);
            done();
            finish(true);
            return;
          }
          finish(false);
          member.process.after(redeliveryDelayMs, () => {
            if (sharing === sharings) {
              log.again(at);
              pump(topic, partition);
            }
          });
        }
      };
      member.process.after(0, hand);
    }
  }

  function publish({ process, sending, onClose, closed }: Sender, list: readonly Message[]): Promise<boolean> {
    if (list.length === 0) {
      return Promise.resolve(true);
    }
    const about = `${list[0]?.topic}/${list[0]?.key}`;
    if (!process.cross("broker.publish", "before", about)) {
      return never<boolean>();
    }
    return new Promise<boolean>((resolve) => {
      const end = () => resolve(false);
      onClose.add(end);
      const site = `publish/${about}#${++publications}`;
      const next = () => {
        sending.shift();
        sending[0]?.();
      };
      const attempt = () => {
        if (closed()) {
          resolve(false);
        } else if (away(process)) {
          process.after(retryMs, attempt);
        } else if (list.some(({ topic }) => !members.some(({ topics }) => topics.has(topic)))) {
          next(); // A topic that nobody has announced: it waits until the broker is closed.
        } else {
          scheduler.after(publishMs(site), () => {
            for (const message of twice(site) ? [...list, ...list] : list) {
              put(message);
            }
            process.after(0, () => {
              next();
              if (process.cross("broker.publish", "after", about)) {
                onClose.delete(end);
                resolve(true);
              }
            });
          });
        }
      };
      // One request is in flight at a time, so that messages keep their order.
      if (sending.push(attempt) === 1) {
        attempt();
      }
    });
  }

  return {
    put,
    rebalance,
    buried,
    get open() {
      return [...logs.values()].reduce((sum, log) => sum + log.open, 0);
    },
    member(process, observer) {
      const member: Member = {
        process,
        topics: new Map(),
        observer,
        handling: new Map(),
        joined: false,
        closed: false,
        underWay: new Set(),
      };
      const onClose = new Set<() => void>();
      const sender: Sender = { process, sending: [], onClose, closed: () => member.closed };
      const early: (() => void)[] = [];
      let started = false;
      let closing: Promise<void> | undefined;
      process.onSilence((ms) => {
        if (ms > sessionTimeoutMs) {
          scheduler.after(sessionTimeoutMs, () => expel(member));
          process.after(0, () => {
            if (started && !member.closed) {
              join();
            }
          });
        }
      });
      function join(): void {
        member.joined = true;
        rebalance();
      }
      async function leave(): Promise<void> {
        member.closed = true;
        await Promise.all(member.underWay);
        for (const end of onClose) {
          end();
        }
        if (process.alive) {
          for (const log of logs.values()) {
            if (assignment[log.partition] === member && !away(process)) {
              log.commit();
            }
          }
          expel(member);
        }
      }
      return {
        subscribe: (topic, options, handler) => void member.topics.set(topic, { options, handler }),
        publish(list) {
          if (member.closed) {
            return Promise.resolve(false);
          }
          if (started) {
            return publish(sender, list);
          }
          return new Promise((resolve) => {
            const end = () => resolve(false);
            onClose.add(end);
            early.push(() => publish(sender, list).then(resolve));
          });
        },
        async start() {
          if (!process.cross("broker.start", "before", "")) {
            return never();
          }
          await new Promise<void>((resolve) => {
            const attempt = () => (away(process) ? process.after(retryMs, attempt) : resolve());
            process.after(1, attempt);
          });
          started = true;
          members.push(member);
          if (!member.closed) {
            join();
          }
          for (const send of early.splice(0)) {
            send();
          }
        },
        close() {
          closing ??= leave();
          return closing;
        },
      };
    },
  };
}
