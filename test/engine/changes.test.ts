import { expect, test } from "vitest";
import { createChanges } from "../../runtime/engine/changes.js";

/** A hub, with what stands in for other processes. */
function createHub() {
  const watched = new Map<string, () => void>();
  const hub = createChanges({
    shared: true,
    watch(sagaId, changed) {
      watched.set(sagaId, changed);
      return () => watched.delete(sagaId);
    },
  });
  return { ...hub, elsewhere: (sagaId: string) => watched.get(sagaId)?.(), heeded: () => [...watched.keys()] };
}

test("a change is told to those who listen to that saga, wherever it was made", () => {
  const hub = createHub();
  const heard: string[] = [];
  hub.subscribe("a", () => heard.push("a"));
  hub.subscribe("b", () => heard.push("b"));
  hub.subscribe("b", () => heard.push("b again"));
  hub.changed("a");
  hub.elsewhere("b");
  hub.changed("nobody's");
  expect(heard).toEqual(["a", "b", "b again"]);
});

test("who has ended hears nothing more, and ending twice ends nobody else", () => {
  const hub = createHub();
  let heard = 0;
  const listener = () => heard++;
  const end = [hub.subscribe("a", listener), hub.subscribe("a", listener)];
  end[0]?.();
  end[0]?.();
  hub.changed("a");
  expect(heard, "the same function, given twice").toBe(1);
  end[1]?.();
  const endLater = hub.subscribe("a", listener);
  end[1]?.();
  hub.changed("a");
  expect(heard).toBe(2);
  endLater();
  hub.changed("a");
  expect(heard).toBe(2);
});

test("the journal watches the sagas that somebody listens to, each once", () => {
  const hub = createHub();
  expect(hub.heeded()).toEqual([]);
  const ends = ["a", "b", "a"].map((id) => hub.subscribe(id, () => {}));
  expect(hub.heeded()).toEqual(["a", "b"]);
  ends[0]?.();
  ends[1]?.();
  expect(hub.heeded()).toEqual(["a"]);
});

test("a listener that ends itself, or begins another, does not disturb the others", () => {
  const hub = createHub();
  const heard: string[] = [];
  const end = hub.subscribe("a", () => {
    heard.push("once");
    end();
    hub.subscribe("a", () => heard.push("later"));
  });
  hub.subscribe("a", () => heard.push("always"));
  hub.changed("a");
  expect(heard).toEqual(["once", "always"]);
  hub.changed("a");
  expect(heard).toEqual(["once", "always", "always", "later"]);
});

test("a closed hub watches nothing", () => {
  const hub = createHub();
  let heard = 0;
  hub.subscribe("a", () => heard++);
  hub.close();
  hub.elsewhere("a");
  expect(heard).toBe(0);
});
