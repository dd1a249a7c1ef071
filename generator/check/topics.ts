import type { ListedFacade, ListedStep, Place, Rpc } from "../model.js";
import type { Report } from "./report.js";
import { lowerSnakeCase } from "./words.js";

/** The topic that starts a facade's rollback, as written or derived: HandleSyncBooking → cancel_sync_booking. */
export function rollbackTopic(facade: ListedFacade): string {
  return facade.rollbackTopic || `cancel_${lowerSnakeCase(facade.rpc.name).replace(/^handle_/, "")}`;
}

/** A step's topic, as written or derived. */
export function stepTopic(step: ListedStep & { readonly rpc: Rpc }): string {
  return step.topic || lowerSnakeCase(step.rpc.name);
}

/** A use of a topic, for messages. */
interface Use {
  readonly topic: string;
  readonly what: string;
  readonly place: Place;
}

/** Judges the topics of all facades: they share one name space. */
export function checkTopics(report: Report, facades: readonly ListedFacade[]): void {
  const uses = new Map<string, Use>();
  for (const use of facades.flatMap(usesOf)) {
    checkTopicName(report, use);
    // Brokers keep metrics by names in which `.` and `_` are the same, and refuse to create the second.
    const key = use.topic.replaceAll(".", "_");
    const earlier = uses.get(key);
    if (earlier) {
      const { path, line } = earlier.place;
      const same = earlier.topic === use.topic ? "is also" : `differs only by "." and "_" from "${earlier.topic}",`;
      const wrong = `topic "${use.topic}" of ${use.what} ${same} the topic of ${earlier.what} (${path}:${line})`;
      report("SAGA_TOPIC_DUPLICATE", use.place, `${wrong}; set another one`);
    }
    uses.set(key, earlier ?? use);
  }
  for (const facade of facades.filter((facade) => facade.mode === "sync")) {
    for (const step of stepsOf(facade).filter((step) => step.topic !== "")) {
      const wrong = `step ${step.call} of ${facade.rpc.fullName} has topic "${step.topic}", and MODE_SYNC uses none`;
      report("SAGA_TOPIC_UNUSED", step.place, `${wrong}; remove it`);
    }
  }
}

function usesOf(facade: ListedFacade): readonly Use[] {
  const owner = facade.rpc.fullName;
  const place = facade.rollbackTopicPlace ?? facade.place;
  const rollback = { topic: rollbackTopic(facade), what: `the rollback of ${owner}`, place };
  if (facade.mode !== "async" && facade.mode !== "throttled") {
    return [rollback];
  }
  const steps = stepsOf(facade).flatMap((step) => {
    const topic = step.rpc ? stepTopic({ ...step, rpc: step.rpc }) : step.topic;
    return topic === "" ? [] : [{ topic, what: `step ${step.call} of ${owner}`, place: step.place }];
  });
  return [rollback, ...steps];
}

function checkTopicName(report: Report, { topic, what, place }: Use): void {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(topic) || topic === "." || topic === "..") {
    const mend = 'use letters, digits, ".", "_" and "-", at most 200 of them, and not only dots';
    report("SAGA_TOPIC_INVALID", place, `topic "${topic}" of ${what} isn't a topic's name; ${mend}`);
  }
}

function stepsOf(facade: ListedFacade): readonly ListedStep[] {
  return facade.groups.flatMap((group) => group.steps);
}
