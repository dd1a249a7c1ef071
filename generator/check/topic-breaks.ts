import type { ListedFacade, Place } from "../model.js";
import { stepName } from "./names.js";
import type { Report } from "./report.js";
import { isResolved } from "./steps.js";
import { rollbackTopic, stepTopic } from "./topics.js";

/** A topic and its purpose. */
interface Use {
  readonly topic: string;
  readonly facade: string;
  /** The step's name. Undefined: the topic is of the rollback. */
  readonly step: string | undefined;
  /** The RPC that the step calls. It identifies a renamed step. */
  readonly path: string | undefined;
  readonly place: Place;
}

/**
 * Reports topics that another step or rollback uses now: its consumer would dead-letter the waiting messages. Warns about
 * topics that nothing uses now: their waiting messages are not read.
 */
export function compareTopics(report: Report, before: readonly ListedFacade[], model: readonly ListedFacade[]): void {
  const uses = model.flatMap(usesOf);
  for (const old of before.flatMap(usesOf)) {
    const taker = uses.find(({ topic }) => topic === old.topic);
    const now = uses.find((use) => isSame(use, old));
    if (taker !== undefined && !isSame(taker, old)) {
      const wrong = `topic "${old.topic}" belonged to ${described(old)} and belongs to ${described(taker)} now`;
      const why = "waiting messages would be dead-lettered";
      report("SAGA_BREAK_TOPIC_REUSED", taker.place, `${wrong}, and ${why}; set another topic`);
    } else if (taker === undefined && now !== undefined) {
      const wrong = `the topic of ${described(old)} was "${old.topic}" and is "${now.topic}" now`;
      const why =
        "on Kafka, only old servers read the waiting messages, which are sent again when these servers are gone";
      report("SAGA_BREAK_TOPIC_MOVED", now.place, `${wrong}, and ${why}; set the old topic to avoid the delay`);
    }
  }
}

function isSame(one: Use, other: Use): boolean {
  const sameStep = one.step === other.step || (one.path !== undefined && one.path === other.path);
  return one.facade === other.facade && sameStep;
}

function described({ facade, step }: Use): string {
  return step === undefined ? `the rollback of ${facade}` : `step ${step} of ${facade}`;
}

function usesOf(listed: ListedFacade): readonly Use[] {
  const facade = listed.rpc.fullName;
  const place = listed.rollbackTopicPlace ?? listed.place;
  const rollback = { topic: rollbackTopic(listed), facade, step: undefined, path: undefined, place };
  if (listed.mode === "sync" || listed.mode === "unspecified") {
    return [rollback];
  }
  const steps = listed.groups
    .flatMap((group) => group.steps)
    .filter(isResolved)
    .map((step) => ({ topic: stepTopic(step), facade, step: stepName(step), path: step.rpc.path, place: step.place }));
  return [rollback, ...steps];
}
