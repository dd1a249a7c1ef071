import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type { PackageDefinition } from "@grpc/proto-loader";

/** Where an upstream listens, and where its ledger is. */
export interface UpstreamOptions {
  /** "localhost:10001"; port 0 takes a free one. */
  readonly address: string;
  readonly data: string;
}

/** A service on its open ledger, ready to be served. */
export interface Upstream<Handlers extends UntypedServiceImplementation = UntypedServiceImplementation> {
  /** "pb.OrderService" */
  readonly name: string;
  /** The service's proto file, for reflection. */
  readonly proto: PackageDefinition;
  readonly definition: ServiceDefinition<Handlers>;
  readonly handlers: Handlers;
  /** Closes the ledger. */
  close(): void;
}
