/** A shop's protos when sagas began, with everything that a structure can have. */
export const before = `syntax = "proto3";
package shop;
import "saga/v1/saga.proto";
message M { string s = 1; }
message N {}
service Up {
  rpc Reserve(M) returns (M) { option (saga.v1.step) = {compensation: "Release"}; }
  rpc Release(M) returns (M) { option (saga.v1.compensation) = {}; }
  rpc Free(M) returns (M) { option (saga.v1.compensation) = {}; }
  rpc Look(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Quote(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }
  rpc Pay(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {kind: STEP_KIND_PIVOT}; }
  rpc Ship(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {no_effect: true}; }
  rpc Mail(M) returns (M) { option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {no_effect: true}; }
}
service Shop {
  rpc Buy(M) returns (M) {
    option (saga.v1.facade) = {
      mode: MODE_ASYNC
      rollback_topic: "cancel_buy"
      steps: {call: "shop.Up.Reserve"}
      steps: {parallel: {
        steps: {call: "shop.Up.Look"}
        steps: {call: "shop.Up.Quote"}
      }}
      steps: {call: "shop.Up.Pay"}
      steps: {call: "shop.Up.Ship" topic: "ship_it"}
      steps: {call: "shop.Up.Mail"}
    };
  }
  rpc Other(M) returns (M) {
    option (saga.v1.facade) = {
      mode: MODE_SYNC
      steps: [{call: "shop.Up.Look"}]
    };
  }
  rpc Plain(M) returns (M);
}
`;

/** One change of the protos. */
export interface Change {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** What is reported: the code, the text at its location, and a part of the message. Nothing: no break. */
  readonly says: readonly (readonly [code: string, at: string, text: string])[];
}

/** The steps as they stand there. */
export const reserve = 'steps: {call: "shop.Up.Reserve"}\n';
export const look = 'steps: {call: "shop.Up.Look"}\n';
export const quote = 'steps: {call: "shop.Up.Quote"}';
export const pay = 'steps: {call: "shop.Up.Pay"}';
export const ship = 'steps: {call: "shop.Up.Ship" topic: "ship_it"}';
export const mail = 'steps: {call: "shop.Up.Mail"}';
/** How an upstream RPC begins there. */
export const upstream = (name: string) => `rpc ${name}(M) returns (M) {`;
