import { createFileRegistry, type FileRegistry, fromBinary, type Message } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { SagaError } from "../core/errors.js";

/** What an RPC's options say of it. */
export interface RpcAnnotations {
  /** `read`: it says `idempotency_level = NO_SIDE_EFFECTS`. `plain`: it bears no option of saga.v1. */
  readonly kind: "step" | "compensation" | "read" | "plain";
  /** Of a step: the RPC of the same service that undoes it; "" where none does. */
  readonly compensation: string;
  /** Of a step: whether it is compensated also when it was refused. */
  readonly compensateOnFailure: boolean;
}

/** The annotations of RPCs by path: "/pb.OrderService/CreateOrder". */
export type Annotations = ReadonlyMap<string, RpcAnnotations>;

/** The numbers of the options and their fields in saga/v1/saga.proto. */
const option = { step: 50712, compensation: 50713 } as const;
const stepField = { compensation: 1, compensateOnFailure: 6 } as const;

/**
 * Reads the annotations of all RPCs in a serialized google.protobuf.FileDescriptorSet, with the imports:
 * `buf build -o image.binpb`, or `protoc --include_imports --descriptor_set_out=image.binpb`.
 * @throws SagaError SAGA_DEFINITION_INVALID where the bytes are none, or only a part of one
 */
export function readAnnotations(descriptorSet: Uint8Array): Annotations {
  const registry = registryOf(descriptorSet);
  const found = new Map<string, RpcAnnotations>();
  for (const file of registry.files) {
    for (const { typeName, methods } of file.services) {
      for (const { name, idempotency, proto } of methods) {
        const step = extension(proto.options, option.step);
        const fields = step === undefined ? undefined : readStep(step);
        const compensation = extension(proto.options, option.compensation) !== undefined;
        found.set(`/${typeName}/${name}`, rpc(idempotency === Level.NO_SIDE_EFFECTS, fields, compensation));
      }
    }
  }
  return found;
}

function registryOf(descriptorSet: Uint8Array): FileRegistry {
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SagaError(
      "SAGA_DEFINITION_INVALID",
      `readAnnotations was given ${descriptorSet.length} bytes that are no whole FileDescriptorSet (${why}); give it what \`buf build -o image.binpb\` writes, not compressed and with the imports`,
      { cause: error },
    );
  }
}

/** What @grpc/proto-loader gives, as far as it matters here. */
export type LoadedPackage = Readonly<Record<string, object>>;

/**
 * Takes the annotations from what @grpc/proto-loader loaded. It keeps one statement of each option:
 * `option (saga.v1.step) = { … };`, not several of the form `option (saga.v1.step).compensation = …;`.
 */
export function loadedAnnotations(loaded: LoadedPackage): Annotations {
  const found = new Map<string, RpcAnnotations>();
  for (const service of Object.values(loaded)) {
    for (const method of Object.values(service) as unknown[]) {
      if (typeof method === "object" && method !== null && "path" in method && "options" in method) {
        const options = (method.options ?? {}) as Record<string, unknown>;
        const step = options["(saga.v1.step)"] as Record<string, unknown> | undefined;
        const fields = step && {
          compensation: String(step.compensation ?? ""),
          compensateOnFailure: String(step.compensate_on_failure ?? step.compensateOnFailure) === "true",
        };
        const read = options.idempotency_level === "NO_SIDE_EFFECTS";
        found.set(String(method.path), rpc(read, fields, "(saga.v1.compensation)" in options));
      }
    }
  }
  return found;
}

type StepFields = Pick<RpcAnnotations, "compensation" | "compensateOnFailure">;

function rpc(read: boolean, step: StepFields | undefined, compensation: boolean): RpcAnnotations {
  const kind = compensation ? "compensation" : read ? "read" : step === undefined ? "plain" : "step";
  return { kind, ...(step ?? { compensation: "", compensateOnFailure: false }) };
}

/** The bytes of a message-typed extension, which stands among the unknown fields; several are merged, as on the wire. */
function extension(options: Message | undefined, number: number): Uint8Array | undefined {
  const parts = (options?.$unknown ?? []).filter(({ no }) => no === number);
  return parts.length === 0 ? undefined : Buffer.concat(parts.map(({ data }) => new BinaryReader(data).bytes()));
}

function readStep(bytes: Uint8Array): StepFields {
  const reader = new BinaryReader(bytes);
  let compensation = "";
  let compensateOnFailure = false;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === stepField.compensation) {
      compensation = reader.string();
    } else if (field === stepField.compensateOnFailure) {
      compensateOnFailure = reader.bool();
    } else {
      reader.skip(wireType);
    }
  }
  return { compensation, compensateOnFailure };
}
