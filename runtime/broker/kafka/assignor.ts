import type { AssignerProtocol, PartitionAssigner } from "kafkajs";

/** A member of the group, and the topics that it subscribes to. */
export interface Member {
  readonly id: string;
  readonly topics: readonly string[];
}

/** Partitions by member and topic. */
export type Assignment = ReadonlyMap<string, ReadonlyMap<string, readonly number[]>>;

/**
 * Assigns partitions of the same number, of all topics, to the same member. All messages of a saga have one key, so one
 * partition number on every topic, and so they reach the same process. Members whose topics differ, as in a rolling
 * deployment, get only the topics that they subscribe to.
 */
export function coPartition(members: readonly Member[], partitions: (topic: string) => readonly number[]): Assignment {
  const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const assignment = new Map(sorted.map(({ id }) => [id, new Map<string, number[]>()]));
  for (const topic of new Set(sorted.flatMap((member) => member.topics))) {
    const subscribers = sorted.filter((member) => member.topics.includes(topic));
    for (const partition of partitions(topic)) {
      const member = subscribers[partition % subscribers.length];
      const topics = member && assignment.get(member.id);
      topics?.set(topic, [...(topics.get(topic) ?? []), partition]);
    }
  }
  return assignment;
}

/** {@link coPartition} as kafkajs takes it. The group's leader assigns; members exchange metadata through Kafka. */
export function coPartitionAssignor(protocol: typeof AssignerProtocol): PartitionAssigner {
  const name = "protosaga-co-partition";
  const version = 1;
  const userData = Buffer.alloc(0);
  return ({ cluster }) => ({
    name,
    version,
    protocol: ({ topics }) => ({ name, metadata: protocol.MemberMetadata.encode({ version, topics, userData }) }),
    async assign({ members }) {
      const decoded = members.map(({ memberId, memberMetadata }) => ({
        id: memberId,
        topics: protocol.MemberMetadata.decode(memberMetadata)?.topics ?? [],
      }));
      // Members of another version may subscribe to topics that the leader does not know.
      await cluster.addMultipleTargetTopics([...new Set(decoded.flatMap(({ topics }) => topics))]);
      const assignment = coPartition(decoded, (topic) =>
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      );
      return [...assignment].map(([memberId, topics]) => ({
        memberId,
        memberAssignment: protocol.MemberAssignment.encode({
          version,
          assignment: Object.fromEntries([...topics].map(([topic, partitions]) => [topic, [...partitions]])),
          userData,
        }),
      }));
    },
  });
}
