import type { Logger } from "pino";
import type { Broker, BrokerObserver } from "../broker/broker.js";
import { createEmbeddedBroker } from "../broker/embedded/embedded-broker.js";
import type { Journal } from "../journal/journal.js";

/** What a broker is opened with. */
export interface BrokerParts {
  readonly journal: Journal;
  readonly logger: Logger;
  /** What the program wants to know of the broker, beside the log. */
  readonly observer: Partial<BrokerObserver>;
  readonly open: ((observer: BrokerObserver) => Broker) | undefined;
}

/** The configured broker. */
export function openBroker({ journal, logger, observer, open }: BrokerParts): Broker {
  const told: BrokerObserver = {
    failed(err, topic) {
      logger.error({ topic, err }, "the broker failed; it is tried again");
      observer.failed?.(err, topic);
    },
    lag: (topic, partition, messages) => observer.lag?.(topic, partition, messages),
    buried(topic, reason) {
      logger.error({ topic, reason }, "a message went to the dead letters");
      observer.buried?.(topic, reason);
    },
  };
  return open?.(told) ?? createEmbeddedBroker(journal.messages, told);
}
