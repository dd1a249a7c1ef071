import { type Merged, merge } from "../../generator/merge/merge.js";
import type { EmitOptions, Plan } from "../../generator/model.js";
import { emitOptions, planOf } from "./emit-fixture.js";

/** The node file of the one facade in `tripProto`, relative to stubs_dir. */
export const tripStub = "trip/trip-service/book.ts";

/** The sample file next to it. */
export const tripSample = "trip/trip-service/book.sample.ts";

/** A facade with the steps given, each `flight`, `hotel` or `car`. */
export function tripProto(steps: readonly string[] = ["flight", "hotel", "car"]): string {
  const calls = steps.map(
    (step) => `{call: "trip.Desk.Book${step[0]?.toUpperCase()}${step.slice(1)}" name: "${step}"}`,
  );
  const rpcs = ["Flight", "Hotel", "Car"].map(
    (what) => `
  rpc Book${what}(Request) returns (${what}) { option (saga.v1.step) = {compensation: "Cancel${what}"}; }
  rpc Cancel${what}(${what}) returns (Nothing) { option (saga.v1.compensation) = {}; }`,
  );
  return `syntax = "proto3";
package trip;
import "saga/v1/saga.proto";
service TripService {
  rpc Book(Request) returns (Trip) {
    option (saga.v1.facade) = {mode: MODE_SYNC steps: [${calls.join(", ")}]};
  }
}
service Desk {${rpcs.join("")}
}
message Request { string request_id = 1; string traveller = 2; }
message Flight { string flight_id = 1; }
message Hotel { string hotel_id = 1; string late = 2; }
message Car { string car_id = 1; }
message Trip { string flight_id = 1; int64 price = 2; }
message Nothing {}
`;
}

const plans = new Map<string, Promise<Plan>>();

/** The plan of `tripProto`; each is compiled once. */
export function tripPlan(steps?: readonly string[]): Promise<Plan> {
  const proto = tripProto(steps);
  const plan = plans.get(proto) ?? planOf({ "trip.proto": proto });
  plans.set(proto, plan);
  return plan;
}

/** What merging answers, as texts by path relative to stubs_dir. */
export interface MergedTexts {
  readonly files: Readonly<Record<string, string>>;
  /** `path:line:column: CODE: message` */
  readonly said: readonly string[];
}

/** Merges into the stubs given as texts or bytes. Default: without specs */
export async function mergeInto(
  plan: Plan,
  stubs: Readonly<Record<string, string | Uint8Array>> = {},
  spec: EmitOptions["spec"] = "none",
): Promise<MergedTexts> {
  const bytes = Object.entries(stubs).map(([path, content]): [string, Uint8Array] => [path, Buffer.from(content)]);
  const merged: Merged = merge(plan, { ...emitOptions, spec, stubsDir: "generated/node" }, new Map(bytes));
  return {
    files: Object.fromEntries(merged.files.map(({ path, content }) => [path.replace(/^node\//, ""), content])),
    said: merged.diagnostics.map(
      ({ place, code, message }) => `${place.path}:${place.line}:${place.column}: ${code}: ${message}`,
    ),
  };
}
