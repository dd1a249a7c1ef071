import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";

const scope = createScope();

test("messages for a completion topic that is not configured any more are reported, and published once it is configured again", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { order: {} } });
  const told: string[] = [];
  const away = async () => Promise.reject(new Error("not now"));
  const before = await place.start({ facades: [facade], completion: { topic: "done", handler: away } });
  await before.ask("s");
  await until(() => place.said.some((line) => line.includes("not now")), { what: "the handler to fail" });
  await before.stop();
  const handler = async ({ key }: { readonly key: string }) => void told.push(key);
  const other = await place.start({ facades: [facade], completion: { topic: "ended", handler } });
  expect(place.said).toContainEqual(expect.stringContaining("messages wait in the journal for topics"));
  await other.stop();
  expect(told).toEqual([]);
  await place.start({ facades: [facade], completion: { topic: "done", handler } });
  await until(() => told.length > 0, { what: "the message" });
  expect(told).toEqual(["s"]);
});
