import type { DescMethod } from "@bufbuild/protobuf";
import type { ListedFacade, ListedGroup, ListedStep, Rpc } from "../model.js";
import { readDuration } from "./annotations.js";
import { child, children, number, type OptionMessage, pathOf, text } from "./option-message.js";
import type { FindPlace } from "./places.js";
import type { Rpcs } from "./rpcs.js";

/** By the numbers of saga.v1.Mode and saga.v1.Recovery. */
const modes: readonly ListedFacade["mode"][] = ["unspecified", "sync", "async", "throttled"];
const recoveries: readonly ListedFacade["recovery"][] = ["unspecified", "roll-back", "carry-on"];

/** The facade of an RPC. Undefined if the RPC is not annotated as one. */
export function readFacade(rpcs: Rpcs, method: DescMethod): ListedFacade | undefined {
  const option = rpcs.facadeOption(method);
  if (!option) {
    return undefined;
  }
  const find = rpcs.places(method.parent.file);
  const deadline = readDuration(option, "deadline", find);
  return {
    rpc: rpcs.of(method),
    mode: modes[number(option, "mode")] ?? "unspecified",
    rollbackTopic: text(option, "rollback_topic"),
    rollbackTopicPlace: find(pathOf(option, "rollback_topic")),
    groups: children(option, "steps").map((entry) => readGroup(rpcs, entry, find)),
    ...(deadline && { deadline }),
    recovery: recoveries[number(option, "recovery")] ?? "unspecified",
    place: find(option.path),
  };
}

function readGroup(rpcs: Rpcs, entry: OptionMessage, find: FindPlace): ListedGroup {
  const place = find(entry.path);
  const parallel = child(entry, "parallel");
  if (!parallel) {
    return { parallel: false, steps: [readStep(rpcs, entry, find)], place };
  }
  const stray = (["name", "topic"] as const).filter((name) => text(entry, name) !== "");
  return {
    parallel: true,
    ...(stray.length > 0 && { stray }),
    steps: children(parallel, "steps").map((step) => readStep(rpcs, step, find)),
    place,
  };
}

function readStep(rpcs: Rpcs, entry: OptionMessage, find: FindPlace): ListedStep {
  const call = text(entry, "call");
  const rpc = rpcs.byName(call);
  const compensation = rpc && compensationOf(rpcs, rpc);
  return {
    call,
    ...(child(entry, "parallel") && { nested: true }),
    ...(rpc && { rpc }),
    ...(compensation && { compensation }),
    name: text(entry, "name"),
    topic: text(entry, "topic"),
    place: find(entry.path),
  };
}

function compensationOf(rpcs: Rpcs, rpc: Rpc): Rpc | undefined {
  const name = rpc.step?.compensation;
  return name ? (rpcs.byName(`${rpc.service}.${name}`) ?? rpcs.byName(name)) : undefined;
}
