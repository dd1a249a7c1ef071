import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { FacadeDefinition } from "./definition.js";

/** A gRPC service whose facades the server runs: what a generated handler file exports. */
export interface SagaService {
  /** "pb.BookingService" */
  readonly name: string;
  /** ts-proto's service definition. */
  readonly definition: ServiceDefinition;
  /** The facades by the name of their method in `definition`: "handleSyncBooking". */
  readonly facades: Readonly<Record<string, FacadeDefinition>>;
  /** The user's handlers of the RPCs that are no facades, by the same kind of name. */
  readonly rpcs?: UntypedServiceImplementation;
  /** A serialized FileDescriptorSet in base64: the service's file and all it imports, for gRPC reflection. */
  readonly descriptors: string;
}

/** Makes a service known to the type checker. Generated code calls it. */
export function defineService(service: SagaService): SagaService {
  return service;
}
