import { createDelivery, type Delivery, type DeliveryParts } from "./deliver.js";
import type { EngineOptions } from "./engine.js";
import type { HandOver } from "./hand-over.js";
import { rollback } from "./ticket.js";

/** How many sagas of one facade are rolled back at the same time. */
const rollbackConcurrency = 64;

interface Parts extends DeliveryParts {
  readonly handOver: HandOver;
}

/** Has the broker deliver the messages of all topics; to be called before it starts. */
export function subscribe(
  {
    facades,
    broker,
    concurrencyOf,
    completion,
  }: Pick<EngineOptions, "facades" | "broker" | "concurrencyOf" | "completion">,
  { handOver, ...parts }: Parts,
): void {
  const add = (topic: string, concurrency: number, delivery: Delivery) => {
    handOver.add(topic, concurrency, delivery);
    broker.subscribe(topic, { concurrency }, delivery.handler);
  };
  for (const facade of facades) {
    const { topics } = facade;
    topics.steps.forEach((topic, at) => {
      add(topic, concurrencyOf(topic), createDelivery(parts, facade, at));
    });
    add(topics.rollback, rollbackConcurrency, createDelivery(parts, facade, rollback));
  }
  if (completion?.handler !== undefined) {
    broker.subscribe(completion.topic, { concurrency: concurrencyOf(completion.topic) }, completion.handler);
  }
}
