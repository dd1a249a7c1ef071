import { expect, test } from "vitest";
import { createScope } from "../support/scope.js";
import { until } from "../support/until.js";
import { createManualClock } from "./support/clocks.js";
import { facadeOf } from "./support/facade.js";
import { createPlace } from "./support/place.js";
import { failing, ok } from "./support/upstream-stub.js";

const scope = createScope();
const minuteMs = 60_000;
const hourly = { maxAttempts: 20, initialBackoffMs: 60 * minuteMs, maxBackoffMs: 60 * minuteMs, multiplier: 1 };

test("a retry delay of a compensation survives restarts: the time before them counts", async () => {
  const place = createPlace(scope);
  const facade = facadeOf({ steps: { a: { undo: { retry: hourly } }, b: {} } });
  const clock = { ...createManualClock(), random: () => 0.9 };
  place.upstreams.plan("/b", failing("INVALID_ARGUMENT"));
  place.upstreams.plan("/a/undo", failing("UNAVAILABLE"), ok({}));
  const first = await place.start({ facades: [facade], clock });
  await first.ask("s");
  await until(() => place.saga("s")?.story.at(-1) === "compensationFailed 0");
  await first.stop();
  // Three more servers, each gone before the 54 minutes are over that it would wait from its own start on.
  for (const _ of [1, 2, 3]) {
    clock.advance(19 * minuteMs);
    const next = await place.start({ facades: [facade], clock });
    await until(() => place.saga("s")?.story.at(-1) === "recovered");
    expect(place.upstreams.callsOf("/a/undo")).toHaveLength(1);
    await next.stop();
  }
  await place.start({ facades: [facade], clock });
  clock.advance(3 * minuteMs);
  await place.reaches("s", "compensated");
  expect(place.upstreams.callsOf("/a/undo")).toHaveLength(2);
});
