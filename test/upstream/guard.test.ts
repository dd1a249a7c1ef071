import { createBarrier, guardService, loadedAnnotations, memoryDriver } from "protosaga/upstream";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createScope } from "../support/scope.js";
import { libsqlPlace } from "./support/place.js";
import { type HoldMessage, loadShop, type ShopMessage, shopDefinition } from "./support/shop.js";

const scope = createScope();
const shop = shopDefinition();
const annotations = loadedAnnotations(loadShop());

describe("a service that can't be guarded", () => {
  const barrier = createBarrier(memoryDriver());
  const handler = ({ name }: ShopMessage) => ({ name });
  const unary = () => {};
  const effects = { Reserve: handler, Hold: () => ({ hold_id: 1 }), Release: handler, Charge: handler };
  const others = { Look: unary, Rename: unary, Watch: unary, Collect: unary, Chat: unary };
  const guard = (options: object) =>
    guardService({ barrier, definition: shop, annotations, effects, others, ...(options as Record<never, never>) });

  test("reports all errors together", () => {
    expect(() => guard({})).not.toThrow();
    expect(() => guard({ effects: { ...effects, Look: handler, Chat: handler }, others: { Watch: unary } })).toThrow(
      "SAGA_DEFINITION_INVALID: the service can't be guarded: " +
        "/shop.Shop/Look has idempotency_level NO_SIDE_EFFECTS; move its handler to others; " +
        "/shop.Shop/Rename has no handler; add one in effects or in others; " +
        "/shop.Shop/Collect has no handler; add one in effects or in others; " +
        "/shop.Shop/Chat is a stream, which can't be stored and repeated; move its handler to others",
    );
    expect(() =>
      guard({ effects: { Hold: handler, Charge: handler }, others: { ...others, Reserve: unary, Release: unary } }),
    ).toThrow(
      "/shop.Shop/Reserve is a step; move its handler to effects; " +
        "/shop.Shop/Release is a compensation; move its handler to effects",
    );
    expect(() => guard({ others: { ...others, Charge: unary } })).toThrow("/shop.Shop/Charge has two handlers");
    expect(() => guard({ others: undefined })).toThrow(
      "SAGA_DEFINITION_INVALID: the service can't be guarded: /shop.Shop/Look has no handler; add one in effects or in others",
    );
    expect(() => guard({ annotations: new Map() })).toThrow("/shop.Shop/Reserve is missing from the annotations");
  });

  test("needs no others if all RPCs are in effects", () => {
    const { Reserve, Release } = shop;
    const definition = { Reserve, Release };
    const all = { Reserve: handler, Release: handler };
    expect(Object.keys(guardService({ barrier, definition, annotations, effects: all }).handlers)).toEqual([
      "Reserve",
      "Release",
    ]);
    // @ts-expect-error: Release has no handler.
    expect(() => guardService({ barrier, definition, annotations, effects: { Reserve: handler } })).toThrow(
      "/shop.Shop/Release has no handler",
    );
  });

  test("is rejected by the compiler where possible", async () => {
    const place = await libsqlPlace(scope);
    const sync = createBarrier(place.driver as typeof place.driver & { sync: true });
    const common = { definition: shop, annotations };
    // @ts-expect-error: SQLite's handlers are synchronous.
    guardService({ ...common, barrier: sync, effects: { ...effects, Charge: async (request) => request }, others });
    // @ts-expect-error: a response has a name.
    guardService({ ...common, barrier, effects: { ...effects, Charge: () => ({}) }, others });
    // @ts-expect-error: only RPCs of effects can do without a key.
    guardService({ ...common, barrier, effects, others, keyOptional: ["Look"] });
    guardService({
      ...common,
      barrier,
      effects: {
        ...effects,
        Charge: async (request, { tx, key }) => {
          expectTypeOf(request).toEqualTypeOf<ShopMessage>();
          expectTypeOf(tx).toEqualTypeOf<{ onCommit(change: () => void): void }>();
          expectTypeOf(key).toEqualTypeOf<string | undefined>();
          return request;
        },
        Release: (request, { action }) => {
          if (action?.name === "Hold") expectTypeOf(action.response).toEqualTypeOf<HoldMessage>();
          if (action?.name === "Reserve") expectTypeOf(action.response).toEqualTypeOf<ShopMessage>();
          return request;
        },
      },
      others,
    });
  });
});
