import { expect, test } from "vitest";
import { createWorld } from "../../runtime/testing/world/world.js";
import { facadeOf } from "./support/facade.js";

// Found by the simulator, seed 3043: it was left alone until the next start.
test("a saga that can't be read at the start is recovered once it can be read", async () => {
  let unreadable = 0;
  const world = createWorld({ disk: { unreadable: () => --unreadable === 0 } });
  const facade = facadeOf({ steps: { order: {}, payment: {} } });
  const first = world.start([facade]);
  await world.settle();
  first.ask(facade, { sagaId: "a", request: {} });
  first.ask(facade, { sagaId: "b", request: {} });
  await world.scheduler.run({ until: () => world.network.left.length > 0 });
  first.process.kill();
  unreadable = 3; // After the pending messages and the list comes the first saga.
  const second = world.start([facade]);
  await world.settle();
  expect(second.ready).toBe(true);
  expect(unreadable).toBeLessThan(0);
  expect([...world.tables.sagas.values()].map(({ phase }) => phase)).toEqual(["compensated", "compensated"]);
});
