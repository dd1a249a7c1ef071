import { describe, expect, test } from "vitest";
import { coPartition } from "../../../runtime/broker/kafka/assignor.js";

describe("co-partitioning", () => {
  const partitions = (topic: string) => Array.from({ length: topic === "small" ? 4 : 12 }, (_, at) => at);

  test("gives partitions of one number to one member, each to one, and to each member some", () => {
    const members = ["c", "a", "b"].map((id) => ({ id, topics: ["order", "payment"] }));
    const assignment = coPartition(members, partitions);
    for (const { id } of members) {
      expect(assignment.get(id)?.get("order")).toEqual(assignment.get(id)?.get("payment"));
      expect(assignment.get(id)?.get("order")).toHaveLength(4);
    }
    const all = members.flatMap(({ id }) => assignment.get(id)?.get("order") ?? []);
    expect(all.sort((a, b) => a - b)).toEqual(partitions("order"));
  });

  test("gives a topic only to those who subscribe to it, all of it", () => {
    const members = [
      { id: "old", topics: ["order"] },
      { id: "new", topics: ["order", "small"] },
    ];
    const assignment = coPartition(members, partitions);
    expect(assignment.get("new")?.get("small")).toEqual([0, 1, 2, 3]);
    expect(assignment.get("old")?.has("small")).toBe(false);
  });

  test("leaves members without a partition where there are more of them", () => {
    const members = Array.from({ length: 6 }, (_, at) => ({ id: String(at), topics: ["small"] }));
    const assignment = coPartition(members, partitions);
    expect([...assignment.values()].map((topics) => topics.get("small")?.length ?? 0)).toEqual([1, 1, 1, 1, 0, 0]);
  });
});
