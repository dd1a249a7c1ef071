import { expect, test } from "vitest";
import type { UpstreamOutcome } from "../../runtime/engine/ports.js";
import { createScope } from "../support/scope.js";
import { facadeOf } from "./support/facade.js";
import { createPlace, type Place } from "./support/place.js";
import { failing, type UpstreamStub } from "./support/upstream-stub.js";

const scope = createScope();
const facade = facadeOf({ steps: { a: {}, b: {} } });

/** Upstreams of a program whose first call of a path fails in a way that the port does not allow. */
function breaking({ upstreams }: Place, path: string, fail: () => Promise<UpstreamOutcome>): UpstreamStub {
  let broken = false;
  return {
    ...upstreams,
    call(call) {
      if (call.path === path && !broken) {
        broken = true;
        return fail();
      }
      return upstreams.call(call);
    },
  };
}

const failures = {
  "throws an error": () => {
    throw new Error("no such service");
  },
  rejects: () => Promise.reject(new Error("no such service")),
  "answers nothing": () => Promise.resolve(undefined as unknown as UpstreamOutcome),
};

test.each(Object.entries(failures))(
  "upstreams whose call %s: the saga is recovered, and its id finds it",
  async (_, fail) => {
    const place = createPlace(scope);
    const { ask } = await place.start({ facades: [facade], upstreams: breaking(place, "/b", fail) });
    await expect(ask("s")).rejects.toThrow();
    expect(await ask("s")).toMatchObject({ ok: false, reason: "SAGA_INTERRUPTED" });
    await place.reaches("s", "compensated");
  },
);

test.each(Object.entries(failures))("an operator's act settles when the upstreams' call %s", async (_, fail) => {
  const place = createPlace(scope);
  place.upstreams.plan("/b", failing("INVALID_ARGUMENT"));
  place.upstreams.plan("/a/undo", ...Array(3).fill(failing("INTERNAL")));
  const first = await place.start({ facades: [facade] });
  await first.ask("s");
  await place.reaches("s", "stuck");
  await first.stop();
  const { engine } = await place.start({ facades: [facade], upstreams: breaking(place, "/a/undo", fail) });
  await engine.operator.retry({ sagaId: "s", step: "a", who: "ann", why: "try again" });
  await place.reaches("s", "compensated");
});
