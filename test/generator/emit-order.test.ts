import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { naturalOrder } from "../../generator/emit/natural-order.js";

/** As biome 2.6 sorted them. */
const names =
  "_a $a A A_2 A_B A_c A1 A2 AA AB ABc Ab Aed a a_ a__b a_b a$b a1 a2 a2b a02 a10 aA aa aB ab B b Zed".split(" ");
const paths = [
  "../../../../gen/pb/B.js",
  "../../../dto/a.js",
  "../../../pb/A/b.js",
  "../../../pb/A.js",
  "../../../pb/a/b/c.js",
  "../../../pb/a/b.js",
  "../../../pb/a@b.js",
  "../../../pb/a.b.js",
  "../../../pb/a.js",
  "../../../pb/a b.js",
  "../../../pb/a_b.js",
  "../../../pb/a-b.js",
  "../../../pb/a+b.js",
  "../../../pb/a9.js",
  "../../../pb/a10.js",
  "../../../pb/aB.js",
  "../../../pb/ab.js",
  "../../../pb/B.js",
  "../../../topic/a.js",
  "../../gen/pb/B.js",
];

describe("naturalOrder", () => {
  it.each([
    ["names", names],
    ["paths", paths],
  ])("sorts %s as organizeImports does", (_, sorted) => {
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (shuffled) => {
        expect(shuffled.sort(naturalOrder)).toEqual(sorted);
      }),
    );
  });
});
