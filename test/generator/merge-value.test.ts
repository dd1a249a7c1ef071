import { describe, expect, it } from "vitest";
import { fits, zeroValue } from "../../generator/merge/field-type.js";
import { merge } from "../../generator/merge/merge.js";
import type { Field, FieldType, Message } from "../../generator/model.js";
import { emitOptions, planOf } from "./emit-fixture.js";

const int64: FieldType = { kind: "scalar", scalar: "int64" };

function field(more: Partial<Field> = {}): Field {
  return {
    protoName: "a",
    property: "a",
    type: int64,
    cardinality: "singular",
    optional: false,
    redact: false,
    ...more,
  };
}

function message(syntax: string): Message {
  return { fullName: "M", typeName: "M", file: { path: "m.proto", package: "", syntax }, fields: [], sample: [] };
}

describe("fits", () => {
  const item: FieldType = { kind: "message", fullName: "pb.Item" };
  it.each<[string, boolean, Field, Field]>([
    ["the same scalar", true, field(), field()],
    ["another scalar", false, field({ type: { kind: "scalar", scalar: "uint64" } }), field()],
    ["required into optional", true, field(), field({ optional: true })],
    ["optional into required", false, field({ optional: true }), field()],
    ["repeated into singular", false, field({ cardinality: "repeated" }), field()],
    ["a oneof's member", false, field({ oneof: "choice" }), field({ optional: true })],
    ["the same message", true, field({ type: item }), field({ type: item })],
    ["an enum of a message's name", false, field({ type: { ...item, kind: "enum" } }), field({ type: item })],
    ["another message", false, field({ type: item }), field({ type: { ...item, fullName: "pb.v2.Item" } })],
    [
      "a map with another key",
      false,
      field({ cardinality: "map", mapKey: "string" }),
      field({ cardinality: "map", mapKey: "int32" }),
    ],
  ])("judges %s", (_, expected, source, target) => {
    expect(fits(source, target)).toBe(expected);
  });
});

describe("zeroValue", () => {
  it.each<[string, string | undefined, Field, string]>([
    ["int64", "0n", field(), "proto3"],
    ["fixed64", "0n", field({ type: { kind: "scalar", scalar: "fixed64" } }), "proto3"],
    ["float", "0", field({ type: { kind: "scalar", scalar: "float" } }), "proto3"],
    ["bool", "false", field({ type: { kind: "scalar", scalar: "bool" } }), "proto3"],
    ["bytes", "Buffer.alloc(0)", field({ type: { kind: "scalar", scalar: "bytes" } }), "proto3"],
    ["a proto3 enum", "0", field({ type: { kind: "enum", fullName: "E" } }), "proto3"],
    ["a proto2 enum, which may have no zero", undefined, field({ type: { kind: "enum", fullName: "E" } }), "proto2"],
    ["a list", "[]", field({ cardinality: "repeated" }), "proto3"],
    ["a map by string", "{}", field({ cardinality: "map", mapKey: "string" }), "proto3"],
    ["a map by int64", "new Map()", field({ cardinality: "map", mapKey: "int64" }), "proto3"],
    ["a map by bool", "new Map()", field({ cardinality: "map", mapKey: "bool" }), "proto3"],
  ])("of %s", (_, expected, of, syntax) => {
    expect(zeroValue(of, message(syntax))).toBe(expected);
  });
});

describe("compensate", () => {
  it("uses what was sent or received, but never guesses between the two; then the saga's id; then the request", async () => {
    const plan = await planOf({
      "p.proto": `syntax = "proto3";
package p;
import "saga/v1/saga.proto";
service S {
  rpc Do(Request) returns (Nothing) { option (saga.v1.facade) = {mode: MODE_SYNC steps: [{call: "p.Up.Make"}]}; }
}
service Up {
  rpc Make(Sent) returns (Received) { option (saga.v1.step) = {compensation: "Undo"}; }
  rpc Undo(Undone) returns (Nothing) { option (saga.v1.compensation) = {}; }
}
message Request { string in_all = 1; string in_request = 2; }
message Sent { string in_all = 1; string in_sent = 2; }
message Received { string in_all = 1; string request_id = 3; bytes blob = 4; optional int32 maybe = 5; }
message Undone {
  string in_all = 1; string InSent = 2; string REQUEST_ID = 3; bytes blob = 4; optional int32 maybe = 5; int64 none = 6;
  string in_request = 7;
}
message Nothing {}
`,
    });
    const { files } = merge(plan, { ...emitOptions, stubsDir: "node" }, new Map());
    expect(files[0]?.content).toContain(`  compensate: ({ sagaId, request, sent, received }) => ({
    inAll: todo("in_all: string: sent.inAll or received.inAll?"),
    InSent: sent.inSent,
    requestId: sagaId,
    blob: received?.blob ?? Buffer.alloc(0),
    maybe: received?.maybe,
    none: todo("none: int64"),
    inRequest: request.inRequest,
  }),`);
  });

  it("leaves a todo if only a received field says what to compensate", async () => {
    const compensate = async (request: string, sent: string) => {
      const plan = await planOf({
        "p.proto": `syntax = "proto3";
package p;
import "saga/v1/saga.proto";
service S {
  rpc Do(Nothing) returns (Nothing) { option (saga.v1.facade) = {mode: MODE_SYNC steps: [{call: "p.Up.Charge"}]}; }
}
service Up {
  rpc Charge(ChargeRequest) returns (ChargeResponse) { option (saga.v1.step) = {compensation: "Refund"}; }
  rpc Refund(RefundRequest) returns (Nothing) { option (saga.v1.compensation) = {}; }
}
message ChargeRequest { ${sent} }
message ChargeResponse { int64 charge_id = 1; optional string note = 2; }
message RefundRequest { ${request} }
message Nothing {}
`,
      });
      const { files } = merge(plan, { ...emitOptions, stubsDir: "node" }, new Map());
      return /compensate: (.*\n)+? {2}\}\),/.exec(files[0]?.content ?? "")?.[0];
    };
    const lost = (name: string) => `todo("${name} if the answer was lost: by what was sent, or the idempotency key?")`;
    const trap = "int64 charge_id = 1;";
    expect(await compensate(trap, "string customer = 1;")).toBe(`compensate: ({ received }) => ({
    chargeId: received?.chargeId ?? ${lost("charge_id")},
  }),`);
    expect(await compensate(`${trap} optional string note = 2; string reason = 3;`, "")).toBe(
      `compensate: ({ received }) => ({
    chargeId: received?.chargeId ?? ${lost("charge_id")},
    note: received?.note ?? ${lost("note")},
    reason: todo("reason: string"),
  }),`,
    );
    const sagaId = "compensate: ({ sagaId, received }) => ({\n    chargeId: received?.chargeId ?? 0n,";
    expect(await compensate(`${trap} string request_id = 2;`, "")).toContain(sagaId);
    const sent = "compensate: ({ sent, received }) => ({\n    chargeId: received?.chargeId ?? 0n,";
    expect(await compensate(`${trap} string customer = 2;`, "string customer = 1;")).toContain(sent);
  });
});
