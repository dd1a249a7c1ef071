// Explores each range of seeds that the parent process sends, and answers with its tally.
import { type Exploration, explore } from "../test/simulator/explore.js";

Error.stackTraceLimit = 0;

process.on("message", async (exploration: Exploration & { readonly firstFailureOnly?: boolean }) => {
  const { firstFailureOnly, ...range } = exploration;
  process.send?.(await explore(firstFailureOnly ? { ...range, enough: (failures) => failures > 0 } : range));
});
