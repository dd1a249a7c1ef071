/**
 * The saga model: the annotations as plain data. `read` creates it, `check` checks it, `emit` and `merge` turn it into
 * files. It contains no descriptors, so that tests of everything after `read` can use literals.
 */

/** A location in a .proto file. Line and column start at 1. */
export interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/** The .proto file of a declaration. */
export interface ProtoFile {
  /** Relative to the input's root: "booking/order.proto". */
  readonly path: string;
  readonly package: string;
  /** "proto2", "proto3" or "edition 2023". */
  readonly syntax: string;
}

/** The type of a field's value, for comparing fields. */
export type FieldType =
  | { readonly kind: "scalar"; readonly scalar: string }
  | { readonly kind: "enum"; readonly fullName: string }
  | { readonly kind: "message"; readonly fullName: string };

/** One field of a message. */
export interface Field {
  /** As written in the .proto file. */
  readonly protoName: string;
  /** The name of its property in ts-proto's code. */
  readonly property: string;
  readonly type: FieldType;
  /** "map" fields have `type` as their value's type and `mapKey` as their key's scalar. */
  readonly cardinality: "singular" | "repeated" | "map";
  readonly mapKey?: string;
  /** Whether ts-proto's property may be undefined or absent: proto3 optional, proto2 optional, a message. */
  readonly optional: boolean;
  /** The property of its oneof, if any. proto3 `optional` is not a oneof. */
  readonly oneof?: string;
  /** `debug_redact = true`. */
  readonly redact: boolean;
}

/** A message type that a facade or a step uses as its request or response. */
export interface Message {
  readonly fullName: string;
  readonly file: ProtoFile;
  /** Its name in ts-proto's code: Outer_Inner for nested messages. */
  readonly typeName: string;
  readonly fields: readonly Field[];
  /** Its sample for the fault matrix. */
  readonly sample: readonly SampleField[];
}

/** A sample value in proto3 JSON: a "long" is a number in quotes, a "time" is the text of a timestamp. */
export type SampleValue =
  | { readonly kind: "text" | "integer" | "long" | "fraction" | "bytes" | "time" }
  | { readonly kind: "enum"; readonly name: string }
  | { readonly kind: "message"; readonly fields: readonly SampleField[] };

/** A field of a sample. */
export interface SampleField {
  readonly jsonName: string;
  /** Of a repeated field or a map: its only element. */
  readonly value: SampleValue;
  readonly cardinality: Field["cardinality"];
  readonly mapKey?: "text" | "integer" | "bool";
}

/** An RPC. */
export interface Rpc {
  /** "pb.OrderService.CreateOrder" */
  readonly fullName: string;
  /** "pb.OrderService" */
  readonly service: string;
  /** "CreateOrder" */
  readonly name: string;
  /** "/pb.OrderService/CreateOrder" */
  readonly path: string;
  readonly file: ProtoFile;
  readonly place: Place;
  readonly input: Message;
  readonly output: Message;
  readonly streaming: boolean;
  /** Whether the RPC has `(saga.v1.facade)`. Absent: it doesn't. */
  readonly facade?: boolean;
  /** From the standard option `idempotency_level`. */
  readonly idempotency: "unknown" | "no-side-effects" | "idempotent";
  /** `(saga.v1.step)`, if the RPC has it. */
  readonly step?: StepOptions;
  /** `(saga.v1.compensation)`, if the RPC has it. */
  readonly compensation?: CompensationOptions;
}

/** A duration as written, not checked yet. */
export interface DurationOption {
  readonly seconds: bigint;
  readonly nanos: number;
  readonly place: Place;
}

export interface RetryOptions {
  /** 0: not set. */
  readonly maxAttempts: number;
  readonly initialBackoff?: DurationOption;
  readonly maxBackoff?: DurationOption;
  /** 0: not set. */
  readonly multiplier: number;
  readonly place: Place;
}

export type StepKindOption = "unspecified" | "compensatable" | "pivot" | "retriable";

export interface StepOptions {
  /** As written; "": none. */
  readonly compensation: string;
  readonly compensationPlace: Place;
  readonly timeout?: DurationOption;
  readonly retry?: RetryOptions;
  readonly kind: StepKindOption;
  /** Absent: the same as `place`. */
  readonly kindPlace?: Place;
  readonly noEffect: boolean;
  readonly compensateOnFailure: boolean;
  readonly place: Place;
}

export interface CompensationOptions {
  readonly timeout?: DurationOption;
  readonly retry?: RetryOptions;
  readonly place: Place;
}

/** A step as a facade lists it, with names resolved if possible. */
export interface ListedStep {
  /** As written; "": the entry has no call, an error. */
  readonly call: string;
  /** Whether the entry is a group inside a group, an error; absent: it isn't. */
  readonly nested?: boolean;
  /** Undefined if no RPC has that name. */
  readonly rpc?: Rpc;
  /** The RPC that `(saga.v1.step).compensation` names, found in the step's own service or, by full name, anywhere. */
  readonly compensation?: Rpc;
  /** As written; "": to be derived. */
  readonly name: string;
  /** As written; "": to be derived. */
  readonly topic: string;
  readonly place: Place;
}

/** One entry of a facade's steps: a group of one or, written as `parallel`, several. */
export interface ListedGroup {
  readonly parallel: boolean;
  /** Invalid fields of a parallel entry. Absent: none. */
  readonly stray?: readonly ("name" | "topic")[];
  readonly steps: readonly ListedStep[];
  readonly place: Place;
}

/** A facade as annotated. */
export interface ListedFacade {
  readonly rpc: Rpc;
  readonly mode: "unspecified" | "sync" | "async" | "throttled";
  /** As written; "": to be derived. */
  readonly rollbackTopic: string;
  /** Absent: the same as `place`. */
  readonly rollbackTopicPlace?: Place;
  readonly groups: readonly ListedGroup[];
  readonly deadline?: DurationOption;
  readonly recovery: "unspecified" | "roll-back" | "carry-on";
  readonly place: Place;
}

/** A service with at least one facade. */
export interface Service {
  readonly fullName: string;
  readonly name: string;
  readonly file: ProtoFile;
  /** The RPCs without `(saga.v1.facade)`. The user writes their handlers. */
  readonly others: readonly Rpc[];
  readonly facades: readonly ListedFacade[];
  /** A serialized google.protobuf.FileDescriptorSet of the file and its imports, without source info, for reflection. */
  readonly descriptors: Uint8Array;
}

/** The result of `read`: all annotated services in the files to generate, and all RPCs with a step or compensation option. */
export interface SagaModel {
  readonly services: readonly Service[];
  /** RPCs with `(saga.v1.step)` or `(saga.v1.compensation)` in files to generate, used by a facade or not. */
  readonly marked: readonly Rpc[];
  /** The paths of the files to generate. */
  readonly files: readonly string[];
  /** Full names of all RPCs known to the run, for "did you mean". */
  readonly rpcNames: readonly string[];
}

/** Attempts and backoffs in ms, with defaults. */
export interface Retry {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly maxBackoffMs: number;
  readonly multiplier: number;
}

/** A checked step: all names resolved, with all defaults. */
export interface PlannedStep {
  /** lowerCamelCase; the name in results, idempotency keys and logs. */
  readonly name: string;
  /** `name`, or `name_` if that is a reserved word. */
  readonly identifier: string;
  readonly topic: string;
  readonly rpc: Rpc;
  /** Position of its group; steps of one group run in parallel. */
  readonly group: number;
  /** "read": nothing to compensate. "compensatable": has a compensation. "retriable": is after the pivot. */
  readonly kind: "read" | "compensatable" | "pivot" | "retriable";
  readonly timeoutMs: number;
  readonly retry: Retry;
  /** Whether a call whose outcome is unknown may be repeated at all. */
  readonly idempotent: boolean;
  readonly compensateOnFailure: boolean;
  readonly compensation?: { readonly rpc: Rpc; readonly timeoutMs: number; readonly retry: Retry };
}

/** A checked facade. */
export interface PlannedFacade {
  readonly rpc: Rpc;
  /** lowerCamelCase of the RPC's name, the name of its exported constant (`name_` if that is a reserved word). */
  readonly identifier: string;
  readonly mode: "sync" | "async" | "throttled";
  readonly rollbackTopic: string;
  readonly deadlineMs?: number;
  readonly recovery: "roll-back" | "carry-on";
  readonly steps: readonly PlannedStep[];
  /** Hex SHA-256 over the structure: steps, order, groups, kinds, compensations, types; not code, comments or timings. */
  readonly fingerprint: string;
}

/** A checked service. */
export interface PlannedService {
  readonly service: Service;
  readonly facades: readonly PlannedFacade[];
}

/** The input of `emit` and `merge`. */
export interface Plan {
  readonly services: readonly PlannedService[];
}

/** An error or a warning about the user's input. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly place: Place;
  /** What is wrong; how to fix it. */
  readonly message: string;
}

/** A file to write, relative to the plugin's `out`. */
export interface OutputFile {
  readonly path: string;
  readonly content: string;
}

/** What the output depends on besides the plan. */
export interface EmitOptions {
  /** Where ts-proto's output stands, relative to the plugin's `out`: "pb". */
  readonly pb: string;
  /** The extension of relative imports. */
  readonly importExtension: "js" | "ts" | "none";
  /** The plugin's version, for the header; "": leave it out. */
  readonly version: string;
  /** What runs the specs of the fault matrix; "none": there are none. */
  readonly spec: "none" | "vitest" | "node";
}
