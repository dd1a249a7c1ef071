import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Project, type SourceFile } from "ts-morph";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Field, Message } from "../../generator/model.js";
import { read } from "../../generator/read/read.js";
import { compile } from "./support/compile.js";
import { createWorkspace, root, type Workspace } from "./support/workspace.js";

// What `read` finds about names and undefined must be what ts-proto does, for the most awkward protos.
const nasty = {
  "nasty/three.proto": `syntax = "proto3";
package nasty.three;
import "saga/v1/saga.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "nasty/shared.proto";
message Names {
  string product_id = 1; string ProductID = 2; string foo__bar = 3; string _x = 4; string FOO_BAR = 5; string FOO = 6;
  string a1_b2 = 7; string a_1 = 8; string foo_ = 9; string Foo_bar = 10; string foo_BAR_baz = 11; string __proto = 12;
  string class = 13; string json_one = 14 [json_name = "other"]; string XMLHttp_request = 15; string UPPER_1 = 16;
  string constructor = 17; string x_Y = 18;
}
message Kinds {
  int64 big = 1; optional int64 maybe_big = 2; repeated int64 bigs = 3; map<int64, string> by_id = 4;
  map<string, Inner> by_name = 5; Inner inner = 6; repeated Inner inners = 7; Color color = 8; optional Color tint = 9;
  bytes raw = 10; google.protobuf.Timestamp when = 11; google.protobuf.StringValue wrapped = 12;
  repeated google.protobuf.StringValue wraps = 13; nasty.shared.Shared shared = 14; bool flag = 15;
  oneof by_what { string one_a = 16; Inner one_b = 17; }
  oneof OTHER_ONE { string two_a = 18; }
  sfixed64 fixed = 19 [jstype = JS_STRING]; string secret = 20 [debug_redact = true]; map<bool, Color> flags = 21;
  message Inner { string s = 1; Kinds again = 2; message deep_one { int32 i = 1; } }
  enum Color { COLOR_UNSPECIFIED = 0; }
}
message Date { string d = 1; message Function { string f = 1; } }
message Function { string f = 1; }
message snake_case_name { string s = 1; }
service S {
  rpc A(Names) returns (Kinds) { option (saga.v1.step) = {}; }
  rpc B(Kinds.Inner) returns (Kinds.Inner.deep_one) { option (saga.v1.step) = {}; }
  rpc C(Date) returns (Function) { option (saga.v1.step) = {}; }
  rpc D(snake_case_name) returns (Date.Function) { option (saga.v1.step) = {}; }
  rpc E(nasty.shared.Shared) returns (nasty.shared.Shared.Nested_one) { option (saga.v1.step) = {}; }
}
`,
  "nasty/shared.proto": `syntax = "proto3";
package nasty.shared;
message Shared { string s = 1; message Nested_one { uint64 u = 1; } }
`,
  "nasty/two.proto": `syntax = "proto2";
package nasty.two;
import "saga/v1/saga.proto";
message Two {
  optional string maybe = 1; required string surely = 2; repeated string many = 3; required Two two = 4;
  optional int64 with_default = 5 [default = 7]; map<string, int32> m = 6; oneof choice { string c = 7; }
  optional group Grp = 8 { optional string inside = 1; }
}
service S { rpc A(Two) returns (Two) { option (saga.v1.step) = {}; } }
`,
  "nasty/edition.proto": `edition = "2023";
package nasty.edition;
import "saga/v1/saga.proto";
message Ed {
  string explicit_one = 1; string implicit_one = 2 [features.field_presence = IMPLICIT];
  string required_one = 3 [features.field_presence = LEGACY_REQUIRED]; repeated string many = 4; Ed ed = 5;
  map<string, string> m = 6; oneof choice { string c = 7; } Ed delimited = 8 [features.message_encoding = DELIMITED];
}
service S { rpc A(Ed) returns (Ed) { option (saga.v1.step) = {}; } }
`,
};

let workspace: Workspace;
let messages: ReadonlyMap<string, Message>;
let tsProto: Project;
beforeAll(async () => {
  const paths = Object.keys(nasty);
  const model = read((await compile(nasty)).request(paths));
  messages = new Map(model.marked.flatMap((rpc) => [rpc.input, rpc.output]).map((m) => [m.fullName, m]));
  const protos = Object.entries(nasty).map(([path, text]) => [join("proto", path), text]);
  workspace = createWorkspace({ ...Object.fromEntries(protos), "buf.gen.yaml": tsProtoTemplate() });
  const generated = await workspace.buf("generate");
  expect(generated.stderr).toBe("");
  tsProto = new Project({ useInMemoryFileSystem: true });
  for (const path of paths.map((path) => path.replace(".proto", ".ts"))) {
    tsProto.createSourceFile(path, readFileSync(join(workspace.directory, "pb", path), "utf8"));
  }
});
afterAll(() => workspace.remove());

test.each([
  "nasty.three.Names",
  "nasty.three.Kinds",
  "nasty.three.Kinds.Inner",
  "nasty.three.Kinds.Inner.deep_one",
  "nasty.three.Date",
  "nasty.three.Date.Function",
  "nasty.three.Function",
  "nasty.three.snake_case_name",
  "nasty.shared.Shared",
  "nasty.shared.Shared.Nested_one",
  "nasty.two.Two",
  "nasty.edition.Ed",
])("%s is read as ts-proto writes it", (fullName) => {
  const message = messages.get(fullName);
  if (!message) {
    throw new Error(`${fullName} wasn't read`);
  }
  const source = tsProto.getSourceFileOrThrow(`/${message.file.path.replace(".proto", ".ts")}`);
  expect(propertiesOf(message.fields)).toEqual(interfaceOf(source, message.typeName));
});

test("types, cardinalities, oneofs and redaction are read", () => {
  const fields = messages.get("nasty.three.Kinds")?.fields ?? [];
  const summary = fields.map((field) => [
    field.protoName,
    field.type.kind === "scalar" ? field.type.scalar : field.type.fullName,
    field.cardinality,
    ...(field.mapKey ? [field.mapKey] : []),
    ...(field.oneof ? [field.oneof] : []),
    ...(field.redact ? ["redact"] : []),
  ]);
  expect(summary).toEqual([
    ["big", "int64", "singular"],
    ["maybe_big", "int64", "singular"],
    ["bigs", "int64", "repeated"],
    ["by_id", "string", "map", "int64"],
    ["by_name", "nasty.three.Kinds.Inner", "map", "string"],
    ["inner", "nasty.three.Kinds.Inner", "singular"],
    ["inners", "nasty.three.Kinds.Inner", "repeated"],
    ["color", "nasty.three.Kinds.Color", "singular"],
    ["tint", "nasty.three.Kinds.Color", "singular"],
    ["raw", "bytes", "singular"],
    ["when", "google.protobuf.Timestamp", "singular"],
    ["wrapped", "google.protobuf.StringValue", "singular"],
    ["wraps", "google.protobuf.StringValue", "repeated"],
    ["shared", "nasty.shared.Shared", "singular"],
    ["flag", "bool", "singular"],
    ["one_a", "string", "singular", "byWhat"],
    ["one_b", "nasty.three.Kinds.Inner", "singular", "byWhat"],
    ["two_a", "string", "singular", "otherOne"],
    ["fixed", "sfixed64", "singular"],
    ["secret", "string", "singular", "redact"],
    ["flags", "nasty.three.Kinds.Color", "map", "bool"],
  ]);
});

test("files know their syntax", () => {
  const syntaxes = ["nasty.three.Names", "nasty.two.Two", "nasty.edition.Ed"].map((m) => messages.get(m)?.file);
  expect(syntaxes).toEqual([
    { path: "nasty/three.proto", package: "nasty.three", syntax: "proto3" },
    { path: "nasty/two.proto", package: "nasty.two", syntax: "proto2" },
    { path: "nasty/edition.proto", package: "nasty.edition", syntax: "edition 2023" },
  ]);
});

/** Property → whether it may be undefined, as read says; a oneof's fields share one property. */
function propertiesOf(fields: readonly Field[]): Record<string, boolean> {
  return Object.fromEntries(fields.map((field) => [field.oneof ?? field.property, field.optional]));
}

/** Property → whether it may be undefined, as ts-proto says. */
function interfaceOf(source: SourceFile, name: string): Record<string, boolean> {
  const properties = source.getInterfaceOrThrow(name).getProperties();
  return Object.fromEntries(
    properties.map((property) => [
      property.getName().replaceAll('"', ""),
      property.hasQuestionToken() || /\|\s*undefined$/.test(property.getTypeNodeOrThrow().getText()),
    ]),
  );
}

function tsProtoTemplate(): string {
  return `version: v2
inputs:
  - directory: proto
    paths: [proto/nasty]
plugins:
  - local: [node, ${join(root, "node_modules/ts-proto/protoc-gen-ts_proto")}]
    out: pb
    strategy: all
    opt:
      - outputServices=grpc-js
      - env=node
      - esModuleInterop=true
      - importSuffix=.js
      - forceLong=bigint
      - oneof=unions-value
      - useExactTypes=false
      - outputIndex=false
      - emitImportedFiles=false
`;
}
