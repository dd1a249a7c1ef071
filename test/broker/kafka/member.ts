// A process with one member of a group. It handles what it gets, but for bodies that end in "hold": those it keeps.
// Arguments: the brokers, the group, the topic. It prints each handled body, and the lag.
import { createKafkaBroker } from "../../../runtime/broker/kafka/broker.js";
import { testOptions } from "../../support/kafka/adapter.js";

const [brokers = "", groupId = "", topic = ""] = process.argv.slice(2);
const print = (line: string) => process.stdout.write(`${line}\n`);

const broker = createKafkaBroker(testOptions(brokers.split(","), { groupId, sessionTimeoutMs: 2_000 }), {
  failed: (error) => print(`failed ${error}`),
  lag: (_, partition, messages) => print(`lag of ${partition} is ${messages}`),
  deadLettered: () => {},
});
broker.subscribe(topic, { concurrency: 10 }, async ({ body }) => {
  if (body.endsWith("hold")) {
    print(`holds ${body}`);
    await new Promise(() => {});
  }
  print(`handled ${body}`);
});
await broker.start();
