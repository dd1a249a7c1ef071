import { test } from "vitest";
import { createScope } from "../support/scope.js";
import { createPlace } from "./booking.js";
import { killUnderLoad } from "./kill-load.js";

const scope = createScope();

test("SIGKILL at random moments under load in all modes: every answer stays true, and the ledgers agree with each", async () => {
  const place = await createPlace(scope);
  await place.startUpstreams();
  await killUnderLoad(place, { rounds: 5, clients: 8, mostInRound: 60, latestMs: 400 });
});
