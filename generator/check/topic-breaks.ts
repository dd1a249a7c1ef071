import type { ListedFacade, Place } from "../model.js";
import { stepName } from "./names.js";
import type { Report } from "./report.js";
import { isResolved } from "./steps.js";
import { rollbackTopic, stepTopic } from "./topics.js";

/** A topic, and what its messages ask for. */
interface Use {
  readonly topic: string;
  readonly facade: string;
  /** The step's name; undefined: the rollback. */
  readonly step: string | undefined;
  /** The RPC that the step calls: a step that was renamed is still the same. */
  readonly path: string | undefined;
  readonly place: Place;
}

/**
 * Reports topics that are another's now: what waits on them is nothing that its consumer could do, and goes to the dead
 * letters. Warns of topics that are nobody's now: what waits on them is read by nobody.
 */
export function compareTopics(report: Report, before: readonly ListedFacade[], model: readonly ListedFacade[]): void {
  const uses = model.flatMap(usesOf);
  for (const old of before.flatMap(usesOf)) {
    const taker = uses.find(({ topic }) => topic === old.topic);
    const now = uses.find((use) => isSame(use, old));
    if (taker !== undefined && !isSame(taker, old)) {
      const wrong = `topic "${old.topic}" was that of ${described(old)} and is that of ${described(taker)} now`;
      const why = "what waits on it would go to the dead letters";
      report("SAGA_BREAK_TOPIC_REUSED", taker.place, `${wrong}, and ${why}; set another topic`);
    } else if (taker === undefined && now !== undefined) {
      const wrong = `the topic of ${described(old)} was "${old.topic}" and is "${now.topic}" now`;
      const why = "what waits there on Kafka is read by old servers only, and sent anew once they are gone";
      report("SAGA_BREAK_TOPIC_MOVED", now.place, `${wrong}, and ${why}; name the old one to avoid that wait`);
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
