/** A member of the group, and what it subscribes to. */
export interface Member {
  readonly id: string;
  readonly topics: readonly string[];
}

/** Partitions by member and topic. */
export type Assignment = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/**
 * Hands out partitions such that those of one number, of all topics, go to the same member: a saga's messages, which
 * have one key and so one partition number on every topic, meet the same process. Members whose topics differ (a rolling
 * deployment of a new version) get only what they subscribe to.
 */
export function coPartition(members: readonly Member[], partitions: (topic: string) => readonly number[]): Assignment {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const assignment = new Map(sorted.map(({ id }) => [id, new Map<string, number[]>()]));
  for (const topic of new Set(sorted.flatMap((member) => member.topics))) {
    const takers = sorted.filter((member) => member.topics.includes(topic));
    for (const partition of partitions(topic)) {
      const taker = takers[partition % takers.length];
      const topics = taker && assignment.get(taker.id);
      const taken = topics?.get(topic);
      taken ? taken.push(partition) : topics?.set(topic, [partition]);
    }
  }
  return assignment;
}
