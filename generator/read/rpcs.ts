import type { DescFile, DescMessage, DescMethod, FileRegistry } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import type { Message, Rpc } from "../model.js";
import { readCompensationOptions, readStepOptions } from "./annotations.js";
import { readFile, readMessage } from "./messages.js";
import { methodOption, type OptionMessage } from "./option-message.js";
import { type FindPlace, placeFinder, type SourcePath } from "./places.js";

/** All RPCs of a run by full name. An RPC is always the same object. */
export interface Rpcs {
  readonly names: readonly string[];
  /** By full name, without a leading dot. */
  byName(fullName: string): Rpc | undefined;
  of(method: DescMethod): Rpc;
  /** `(saga.v1.facade)` of an RPC; undefined if the RPC doesn't have it. */
  facadeOption(method: DescMethod): OptionMessage | undefined;
  /** Finds locations in a file. */
  places(file: DescFile): FindPlace;
}

/** Creates the index of all RPCs in a registry. An RPC is read when it is first used. */
export function indexRpcs(registry: FileRegistry): Rpcs {
  const methods = new Map<string, DescMethod>();
  for (const file of registry.files) {
    for (const method of file.services.flatMap((service) => service.methods)) {
      methods.set(fullName(method), method);
    }
  }
  const places = memo(placeFinder);
  const message = memo(readMessage);
  const facadeOption = (method: DescMethod) => methodOption(registry, method, methodPath(method), "saga.v1.facade");
  const of = memo((method: DescMethod) =>
    readRpc(registry, method, places(method.parent.file), message, facadeOption(method) !== undefined),
  );
  return {
    names: [...methods.keys()],
    byName: (name) => {
      const method = methods.get(name);
      return method && of(method);
    },
    of,
    facadeOption,
    places,
  };
}

function readRpc(
  registry: FileRegistry,
  method: DescMethod,
  find: FindPlace,
  message: (message: DescMessage) => Message,
  facade: boolean,
): Rpc {
  const path = methodPath(method);
  const step = readStepOptions(registry, method, path, find);
  const compensation = readCompensationOptions(registry, method, path, find);
  return {
    fullName: fullName(method),
    service: method.parent.typeName,
    name: method.name,
    path: `/${method.parent.typeName}/${method.name}`,
    file: readFile(method.parent.file),
    place: find(path),
    input: message(method.input),
    output: message(method.output),
    streaming: method.methodKind !== "unary",
    facade,
    idempotency: idempotencyOf(method),
    ...(step && { step }),
    ...(compensation && { compensation }),
  };
}

function fullName(method: DescMethod): string {
  return `${method.parent.typeName}.${method.name}`;
}

/** Fields 6 of a file (services) and 2 of a service (methods). */
function methodPath(method: DescMethod): SourcePath {
  const service = method.parent;
  return [
    [6, service.file.services.indexOf(service)],
    [2, service.methods.indexOf(method)],
  ];
}

function idempotencyOf(method: DescMethod): Rpc["idempotency"] {
  switch (method.idempotency) {
    case Level.NO_SIDE_EFFECTS:
      return "no-side-effects";
    case Level.IDEMPOTENT:
      return "idempotent";
    default:
      return "unknown";
  }
}

function memo<Key extends object, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<Key, Value>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) {
      return known;
    }
    const value = make(key);
    made.set(key, value);
    return value;
  };
}
