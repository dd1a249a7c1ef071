import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ReflectionService } from "@grpc/reflection";
import type { SagaService } from "../facade/definition.js";
import { errorDetailsDescriptors } from "../pb/google/rpc/error-details-descriptors.js";
import type { ServiceRegistry } from "./services.js";

/** What ReflectionService reads of a package definition: the files, and which services to name. */
type PackageDefinition = ConstructorParameters<typeof ReflectionService>[0];

/** What reflection needs of a service. */
type Reflected = Pick<SagaService, "name" | "descriptors">;

/** Serves gRPC reflection, v1 and v1alpha, from the descriptors that the generator left in the handler files. */
export function addReflection(server: ServiceRegistry, services: readonly Reflected[]): void {
  const files = new Map<string, Buffer>();
  // With the error details, clients such as grpcurl can show those of our errors.
  for (const descriptors of [...services.map((service) => service.descriptors), errorDetailsDescriptors]) {
    for (const file of filesOf(Buffer.from(descriptors, "base64"))) {
      files.set(file.toString("base64"), file);
    }
  }
  const fileDescriptorProtos = [...files.values()];
  const definition: PackageDefinition = {};
  for (const { name } of services) {
    // Only the files are looked at; a message type's entry is the shape that carries nothing else.
    definition[name] = {
      format: "Protocol Buffer 3 DescriptorProto",
      type: {},
      fileDescriptorProtos,
    } as PackageDefinition[string];
  }
  new ReflectionService(definition, { services: services.map(({ name }) => name) }).addToServer(server);
}

/** The files of a serialized FileDescriptorSet: its field 1, each kept as bytes. */
function* filesOf(set: Buffer): Iterable<Buffer> {
  const reader = new BinaryReader(set);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) {
      yield Buffer.from(reader.bytes());
    } else {
      reader.skip(wireType);
    }
  }
}
