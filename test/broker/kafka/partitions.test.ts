import fc from "fast-check";
import { expect, test } from "vitest";
import { Partition } from "../../../runtime/broker/kafka/partitions.js";

test("a partition commits nothing that is not handled, and all that is, whatever the order and the gaps", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3_000, size: "max" });
  fc.assert(
    fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, picks) => {
      const partition = new Partition("t", 0, 1n);
      let offset = 0n;
      const taken = steps.map((step) => {
        offset += BigInt(step);
        partition.add(offset, 10);
        return offset;
      });
      partition.end = offset + 1n;
      const open = [...taken];
      const handled = new Set<bigint>();
      for (const pick of picks) {
        const first = taken.find((one) => !handled.has(one));
        expect(partition.position).toBe(first ?? offset + 1n);
        expect(partition.lag).toBe(Number(offset + 1n - partition.position));
        // Of many, several between two checks: a check of all of them is slow.
        for (let many = 0; many <= steps.length / 20 && open.length > 0; many++) {
          const [one] = open.splice((pick * (many + 1)) % open.length, 1);
          if (one !== undefined) {
            partition.handled(one);
            handled.add(one);
          }
        }
        if (open.length === 0) break;
      }
      expect(partition.position).toBe(offset + 1n);
      expect([partition.lag, partition.exceeds(0)]).toEqual([0, false]);
    }),
    { numRuns: 50 },
  );
});
