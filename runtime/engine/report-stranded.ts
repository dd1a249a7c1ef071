import type { FacadeDefinition } from "../facade/definition.js";
import type { StoredMessage } from "../journal/journal.js";
import type { Log } from "./ports.js";

/** Tells of stored messages whose topic this server does not have, since the configuration has changed: they wait for it. */
export function reportStranded(
  messages: readonly StoredMessage[],
  facades: readonly FacadeDefinition[],
  completionTopic: string | undefined,
  log: Log,
): void {
  const known = new Set([completionTopic, ...facades.flatMap(({ topics }) => [topics.rollback, ...topics.steps])]);
  const stranded = messages.filter(({ topic }) => !known.has(topic));
  if (stranded.length > 0) {
    const topics = [...new Set(stranded.map(({ topic }) => topic))];
    log.warn(
      { topics, messages: stranded.length },
      "messages wait in the journal for topics that this server does not have; they leave once completion_topic and topic_prefix are as they were",
    );
  }
}
