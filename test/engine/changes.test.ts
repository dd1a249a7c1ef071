import { expect, test } from "vitest";
import { Changes } from "../../runtime/engine/changes.js";
import { createScope } from "../support/scope.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";

const scope = createScope();

/** Changes on a SQLite journal: only this process makes them. */
async function ownChanges(): Promise<Changes> {
  const { journal } = await createPlace(scope).start({ facades: [facadeOf({ steps: { a: {} } })] });
  return new Changes(journal);
}

test("a change is reported to that saga's listeners", async () => {
  const changes = await ownChanges();
  const heard: string[] = [];
  changes.subscribe("a", () => heard.push("a"));
  changes.subscribe("b", () => heard.push("b"));
  changes.subscribe("b", () => heard.push("b again"));
  changes.changed("a");
  changes.changed("b");
  changes.changed("nobody's");
  expect(heard).toEqual(["a", "b", "b again"]);
});

test("a listener that has ended gets no more changes, and ending it twice ends no other", async () => {
  const changes = await ownChanges();
  let heard = 0;
  const listener = () => heard++;
  const end = [changes.subscribe("a", listener), changes.subscribe("a", listener)];
  end[0]?.();
  end[0]?.();
  changes.changed("a");
  expect(heard, "the same function, given twice").toBe(1);
  end[1]?.();
  const endLater = changes.subscribe("a", listener);
  end[1]?.();
  changes.changed("a");
  expect(heard).toBe(2);
  endLater();
  changes.changed("a");
  expect(heard).toBe(2);
});

test("a listener that ends itself, or adds another, does not disturb the others", async () => {
  const changes = await ownChanges();
  const heard: string[] = [];
  const end = changes.subscribe("a", () => {
    heard.push("once");
    end();
    changes.subscribe("a", () => heard.push("later"));
  });
  changes.subscribe("a", () => heard.push("always"));
  changes.changed("a");
  expect(heard).toEqual(["once", "always"]);
  changes.changed("a");
  expect(heard).toEqual(["once", "always", "always", "later"]);
});
