import { createFileRegistry, type FileRegistry, fromBinary, getExtension, hasExtension } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { SagaError } from "../core/errors.js";

/** What the options of an RPC declare. */
export interface RpcAnnotations {
  /** `read`: `idempotency_level = NO_SIDE_EFFECTS`. `plain`: the RPC has no option of saga.v1. */
  readonly kind: "step" | "compensation" | "read" | "plain";
  /** Of a step: its compensation, an RPC of the same service; "" if it has none. */
  readonly compensation: string;
  /** Of a step: whether it is compensated even if it was refused. */
  readonly compensateOnFailure: boolean;
}

/** The annotations of RPCs by path: "/pb.OrderService/CreateOrder". */
export type Annotations = ReadonlyMap<string, RpcAnnotations>;

/**
 * Reads the annotations of all RPCs in a serialized google.protobuf.FileDescriptorSet that includes its imports:
 * `buf build -o image.binpb`, or `protoc --include_imports --descriptor_set_out=image.binpb`.
 * @throws SagaError SAGA_DEFINITION_INVALID if the bytes are not a complete FileDescriptorSet
 */
export function readAnnotations(descriptorSet: Uint8Array): Annotations {
  const registry = registryOf(descriptorSet);
  const step = registry.getExtension("saga.v1.step");
  const compensation = registry.getExtension("saga.v1.compensation");
  const found = new Map<string, RpcAnnotations>();
  for (const { typeName, methods } of [...registry.files].flatMap(({ services }) => services)) {
    for (const { name, idempotency, proto } of methods) {
      const { options } = proto;
      // The type is read at run time: protobuf-es names its fields in lowerCamelCase.
      const fields = options && step && hasExtension(options, step) ? getExtension(options, step) : undefined;
      const isCompensation = options && compensation && hasExtension(options, compensation);
      const read = idempotency === Level.NO_SIDE_EFFECTS;
      found.set(`/${typeName}/${name}`, annotationsOf(read, fields as StepFields | undefined, isCompensation === true));
    }
  }
  return found;
}

function registryOf(descriptorSet: Uint8Array): FileRegistry {
  try {
    return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `${descriptorSet.length} bytes given to readAnnotations are not a complete FileDescriptorSet (${why})`;
    const fix = "pass the uncompressed output of `buf build -o image.binpb`, with its imports";
    throw new SagaError("SAGA_DEFINITION_INVALID", `${message}; ${fix}`, { cause: error });
  }
}

/** What @grpc/proto-loader returns, as far as it is used here. */
export type LoadedPackage = Readonly<Record<string, object>>;

/**
 * Reads the annotations from what @grpc/proto-loader loaded. proto-loader keeps one statement per option: use
 * `option (saga.v1.step) = { … };`, not several statements `option (saga.v1.step).compensation = …;`.
 */
export function loadedAnnotations(loaded: LoadedPackage): Annotations {
  const found = new Map<string, RpcAnnotations>();
  for (const method of Object.values(loaded).flatMap((service) => Object.values(service) as unknown[])) {
    if (typeof method === "object" && method !== null && "path" in method && "options" in method) {
      const options = (method.options ?? {}) as Record<string, unknown>;
      const step = options["(saga.v1.step)"] as Record<string, unknown> | undefined;
      const fields = step && {
        compensation: String(step.compensation ?? ""),
        compensateOnFailure: String(step.compensate_on_failure ?? step.compensateOnFailure) === "true",
      };
      const read = options.idempotency_level === "NO_SIDE_EFFECTS";
      found.set(String(method.path), annotationsOf(read, fields, "(saga.v1.compensation)" in options));
    }
  }
  return found;
}

type StepFields = Pick<RpcAnnotations, "compensation" | "compensateOnFailure">;

function annotationsOf(read: boolean, step: StepFields | undefined, isCompensation: boolean): RpcAnnotations {
  const kind = isCompensation ? "compensation" : read ? "read" : step === undefined ? "plain" : "step";
  const { compensation = "", compensateOnFailure = false } = step ?? {};
  return { kind, compensation, compensateOnFailure };
}
