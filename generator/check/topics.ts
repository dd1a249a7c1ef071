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

/** A use of a topic, for error messages. */
interface Use {
  readonly topic: string;
  readonly what: string;
  readonly place: Place;
}

/** Checks the topics of all facades, which share one namespace with their dead-letter topics. */
export function checkTopics(report: Report, facades: readonly ListedFacade[]): void {
  const uses = new Map<string, Use>();
  const deadLetters = new Map<string, Use>();
  for (const use of facades.flatMap(usesOf)) {
    checkTopicName(report, use);
    const wrong = clash(use, uses, deadLetters);
    if (wrong !== undefined) {
      report("SAGA_TOPIC_DUPLICATE", use.place, `topic "${use.topic}" of ${use.what} ${wrong}; set another one`);
    }
    uses.set(keyOf(use.topic), uses.get(keyOf(use.topic)) ?? use);
    deadLetters.set(keyOf(deadLetterTopic(use.topic)), use);
  }
  for (const facade of facades.filter((facade) => facade.mode === "sync")) {
    for (const step of stepsOf(facade).filter((step) => step.topic !== "")) {
      const wrong = `step ${step.call} of ${facade.rpc.fullName} has topic "${step.topic}", and MODE_SYNC uses none`;
      report("SAGA_TOPIC_UNUSED", step.place, `${wrong}; remove it`);
    }
  }
}

/** Kafka treats `.` and `_` as equal in metric names, and refuses to create the second topic. */
function keyOf(topic: string): string {
  return topic.replaceAll(".", "_");
}

/** The dead-letter topic of a topic, as the runtime names it. */
function deadLetterTopic(topic: string): string {
  return `${topic}.dead-letter`;
}

/** How a topic conflicts with an earlier one. Both maps contain the earlier ones by key. */
function clash(
  { topic }: Use,
  uses: ReadonlyMap<string, Use>,
  deadLetters: ReadonlyMap<string, Use>,
): string | undefined {
  const twin = uses.get(keyOf(topic));
  if (twin) {
    const same = twin.topic === topic ? "is also" : `differs only by "." and "_" from "${twin.topic}",`;
    return `${same} the topic of ${described(twin)}`;
  }
  const owner = deadLetters.get(keyOf(topic));
  if (owner) {
    return `would be the dead-letter topic of topic "${owner.topic}" of ${described(owner)}`;
  }
  const taken = uses.get(keyOf(deadLetterTopic(topic)));
  return taken && `would have "${taken.topic}" as its dead-letter topic, and that is the topic of ${described(taken)}`;
}

function described({ what, place }: Use): string {
  return `${what} (${place.path}:${place.line})`;
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
    return topic === "" ? [] : [{ topic, what: `step ${nameOf(step)} of ${owner}`, place: step.place }];
  });
  return [rollback, ...steps];
}

/** A step for error messages. Several steps that call the same RPC have names. */
function nameOf({ call, name }: ListedStep): string {
  return name === "" ? call : `${call} "${name}"`;
}

function checkTopicName(report: Report, { topic, what, place }: Use): void {
  if (!/^[A-Za-z0-9._-]{1,200}$/.test(topic) || topic === "." || topic === "..") {
    const fix = 'use letters, digits, ".", "_" and "-", at most 200 of them, and not only dots';
    report("SAGA_TOPIC_INVALID", place, `topic "${topic}" of ${what} is not a valid topic name; ${fix}`);
  }
}

function stepsOf(facade: ListedFacade): readonly ListedStep[] {
  return facade.groups.flatMap((group) => group.steps);
}
