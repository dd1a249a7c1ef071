// The example's order or payment service with a ledger. It misbehaves as the seed says until it gets a message:
// `--service order|payment --address HOST:PORT --data DIR --seed TEXT`. Prints a line for each misbehaviour.
import { parseArgs } from "node:util";
import { startFaultyOrderService, startFaultyPaymentService } from "../../test/support/faulty-upstream.js";
import { misbehave } from "./misbehave.js";

const { values } = parseArgs({
  options: {
    service: { type: "string", default: "order" },
    address: { type: "string", default: "localhost:10001" },
    data: { type: "string", default: "data" },
    seed: { type: "string", default: "" },
  },
});
const start = values.service === "order" ? startFaultyOrderService : startFaultyPaymentService;
let behaves = false;
process.on("message", () => {
  behaves = true;
});
const upstream = await start(values);
upstream.decideBy((method, sagaId, attempt) => {
  const wrong = behaves ? undefined : misbehave(values.seed, method, sagaId, attempt);
  if (wrong !== undefined) process.stdout.write(`misbehaves: ${wrong.name}\n`);
  return wrong?.fault ?? {};
});
process.on("SIGTERM", () => void upstream.close().then(() => process.exit(0)));
// The parent process has ended.
process.on("disconnect", () => process.exit(0));
process.stdout.write(`${values.service} service ready on ${values.address}\n`);
