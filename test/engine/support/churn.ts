// A process in which values come and go; those who started it see by its traces what its collections copied.
import { createRegister } from "../../../runtime/engine/register.js";

const held = process.argv[2] === "register" ? createRegister<unknown>() : new Map<string, unknown>();
let next = 0;

function turn(): void {
  for (let times = 0; times < 200; times++) {
    held.set(`${next}`, { next, large: new Array(300).fill(next) });
    held.delete(`${next - 8}`);
    next++;
  }
  // The table that there is then is in the old generation from then on, as in any process that has run for a while.
  if (next === 200) globalThis.gc?.();
  if (next < 40_000) setImmediate(turn);
}
turn();
