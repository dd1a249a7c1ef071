/**
 * One piece of bad input. Markers give the locations of the diagnostics: a comment right before the location, with
 * the code of each diagnostic. `$` is the file's package.
 */
export interface BadInput {
  readonly name: string;
  /** More RPCs of service Up, the upstream. */
  readonly up?: string;
  /** RPCs of service S, the one with facades. */
  readonly rpcs?: string;
  /** What the messages say, in their order. */
  readonly says: readonly string[];
}

/** What a marker expects. */
export interface Expected {
  readonly code: string;
  readonly line: number;
  readonly column: number;
}

/** The .proto file of a case. */
export function protoOf({ up = "", rpcs = "" }: BadInput, packageName: string): string {
  return `syntax = "proto3";
package $;
import "saga/v1/saga.proto";
message M {}
service Up {
  rpc Do(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {compensation: "Undo"}; }
  rpc Undo(M) returns (M) { option (saga.v1.compensation) = {}; }
  rpc Once(M) returns (M) { option (saga.v1.step) = {compensation: "Undo"}; }
  rpc Read(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Commit(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {kind: STEP_KIND_PIVOT}; }
  rpc Later(M) returns (M) { option idempotency_level = IDEMPOTENT; }
  rpc Watch(M) returns (stream M);
  ${up}
}
service S {
  ${rpcs}
}
`.replaceAll("$", packageName);
}

/** A facade in one option, with its fields. */
export function facade(fields: string, name = "F"): string {
  return `rpc ${name}(M) returns (M) {
    option (saga.v1.facade) = {
      ${fields}
    };
  }`;
}

/** What the markers in a .proto file expect, in their order. */
export function expectedIn(proto: string): readonly Expected[] {
  return proto.split("\n").flatMap((text, index) =>
    [...text.matchAll(/\/\*(SAGA_[A-Z_ ]+)\*\//g)].flatMap((marker) =>
      (marker[1] ?? "").split(" ").map((code) => ({
        code,
        line: index + 1,
        column: marker.index + marker[0].length + 1,
      })),
    ),
  );
}
