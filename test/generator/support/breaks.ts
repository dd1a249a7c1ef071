import { type Change, look, mail, pay, quote, reserve, ship, upstream } from "./shop.js";

/** What breaks sagas in flight, one kind of change each. */
export const breaks: readonly Change[] = [
  {
    name: "another mode",
    from: "mode: MODE_ASYNC",
    to: "mode: MODE_THROTTLED",
    says: [
      [
        "SAGA_BREAK_MODE",
        "(saga.v1.facade) = {\n      mode: MODE_THROTTLED",
        "shop.Shop.Buy had mode async and has mode throttled now",
      ],
    ],
  },
  {
    name: "another recovery",
    from: "mode: MODE_ASYNC",
    to: "mode: MODE_ASYNC recovery: RECOVERY_ROLL_BACK",
    says: [
      [
        "SAGA_BREAK_POLICY",
        "(saga.v1.facade) = {\n      mode: MODE_ASYNC",
        "the recovery of shop.Shop.Buy was carry-on and is roll-back now",
      ],
    ],
  },
  {
    name: "another request type of the facade, and another response type",
    from: "rpc Buy(M) returns (M)",
    to: "rpc Buy(N) returns (N)",
    says: [
      ["SAGA_BREAK_TYPE", "rpc Buy", "the request of shop.Shop.Buy was shop.M and is shop.N now"],
      ["SAGA_BREAK_TYPE", "rpc Buy", "the response of shop.Shop.Buy was shop.M and is shop.N now"],
    ],
  },
  {
    name: "a step less",
    from: `\n      ${mail}`,
    to: "",
    says: [
      [
        "SAGA_BREAK_STEP_REMOVED",
        "(saga.v1.facade) = {\n      mode: MODE_ASYNC",
        "shop.Shop.Buy no longer has the step mail, which called shop.Up.Mail",
      ],
    ],
  },
  {
    name: "a step more at the end",
    from: mail,
    to: `${mail}\n      steps: {call: "shop.Up.Mail" name: "again" topic: "again"}`,
    says: [
      ["SAGA_BREAK_STEP_INSERTED", 'steps: {call: "shop.Up.Mail" name: "again"', "shop.Shop.Buy has a new step again"],
    ],
  },
  {
    name: "a step more in the middle",
    from: pay,
    to: `steps: {call: "shop.Up.Look" name: "again" topic: "again"}\n      ${pay}`,
    says: [
      ["SAGA_BREAK_STEP_INSERTED", 'steps: {call: "shop.Up.Look" name: "again"', "shop.Shop.Buy has a new step again"],
    ],
  },
  {
    name: "another name of a step",
    from: mail,
    to: 'steps: {call: "shop.Up.Mail" name: "post"}',
    says: [
      [
        "SAGA_BREAK_STEP_RENAMED",
        'steps: {call: "shop.Up.Mail" name: "post"',
        'step post of shop.Shop.Buy was named mail, and idempotency keys contain the name; set its name to "mail"',
      ],
    ],
  },
  {
    name: "another order of steps",
    from: `${ship}\n      ${mail}`,
    to: `${mail}\n      ${ship}`,
    says: [
      [
        "SAGA_BREAK_STEP_REORDERED",
        mail,
        "the steps of shop.Shop.Buy had the order reserve, look, quote, pay, ship, mail and have the order reserve, look, quote, pay, mail, ship now",
      ],
    ],
  },
  {
    name: "another order within a group",
    from: `${look}        ${quote}`,
    to: `${quote}\n        ${look}`,
    says: [
      ["SAGA_BREAK_STEP_REORDERED", "steps: {parallel", "have the order reserve, quote, look, pay, ship, mail now"],
    ],
  },
  {
    name: "a group that is one no more",
    from: `steps: {parallel: {\n        ${look}        ${quote}\n      }}`,
    to: `${look}      ${quote}`,
    says: [
      [
        "SAGA_BREAK_PARALLEL",
        quote,
        "look and quote of shop.Shop.Buy ran at the same time and run one after the other now",
      ],
    ],
  },
  {
    name: "a group that is larger",
    from: `${reserve}      steps: {parallel: {\n`,
    to: `steps: {parallel: {\n        ${reserve}`,
    says: [
      [
        "SAGA_BREAK_PARALLEL",
        "steps: {parallel",
        "reserve and look of shop.Shop.Buy ran one after the other and run at the same time now",
      ],
    ],
  },
  {
    name: "a step that calls another RPC",
    from: quote,
    to: 'steps: {call: "shop.Up.Look" name: "quote"  topic: "quote"}',
    says: [
      [
        "SAGA_BREAK_STEP_CALL",
        "steps: {parallel",
        "step quote of shop.Shop.Buy called shop.Up.Quote and calls shop.Up.Look now",
      ],
    ],
  },
  {
    name: "other types of a step",
    from: "rpc Ship(M) returns (M)",
    to: "rpc Ship(N) returns (N)",
    says: [
      [
        "SAGA_BREAK_TYPE",
        "rpc Ship",
        "the request of shop.Up.Ship, step ship of shop.Shop.Buy, was shop.M and is shop.N now",
      ],
      [
        "SAGA_BREAK_TYPE",
        "rpc Ship",
        "the response of shop.Up.Ship, step ship of shop.Shop.Buy, was shop.M and is shop.N now",
      ],
    ],
  },
  {
    name: "a pivot less",
    from: "option (saga.v1.step) = {kind: STEP_KIND_PIVOT};",
    to: "option (saga.v1.step) = {no_effect: true};",
    says: [
      ["SAGA_BREAK_PIVOT", "(saga.v1.facade) = {\n      mode: MODE_ASYNC", "shop.Shop.Buy no longer has its pivot pay"],
    ],
  },
  {
    name: "a pivot that moved",
    from: `option (saga.v1.step) = {kind: STEP_KIND_PIVOT}; }\n  ${upstream("Ship")} option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {no_effect: true}; }`,
    to: `option (saga.v1.step) = {no_effect: true}; }\n  ${upstream("Ship")} option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {kind: STEP_KIND_PIVOT}; }`,
    says: [["SAGA_BREAK_PIVOT", "kind: STEP_KIND_PIVOT", "the pivot of shop.Shop.Buy was pay and is ship now"]],
  },
  {
    name: "another compensation",
    from: 'compensation: "Release"',
    to: 'compensation: "Free"',
    says: [
      [
        "SAGA_BREAK_COMPENSATION",
        'compensation: "Free"',
        "the compensation of step reserve of shop.Shop.Buy was shop.Up.Release(shop.M) and is shop.Up.Free(shop.M) now",
      ],
    ],
  },
  {
    name: "another request type of a compensation",
    from: "rpc Release(M)",
    to: "rpc Release(N)",
    says: [["SAGA_BREAK_COMPENSATION", 'compensation: "Release"', "and is shop.Up.Release(shop.N) now"]],
  },
  {
    name: "no compensation any more",
    from: 'option (saga.v1.step) = {compensation: "Release"};',
    to: "option (saga.v1.step) = {no_effect: true};",
    says: [
      ["SAGA_BREAK_COMPENSATION", "(saga.v1.step) = {no_effect", "was shop.Up.Release(shop.M) and is nothing now"],
    ],
  },
  {
    name: "an RPC that is known idempotent now",
    from: `${upstream("Reserve")} option`,
    to: `${upstream("Reserve")} option idempotency_level = IDEMPOTENT; option`,
    says: [
      [
        "SAGA_BREAK_POLICY",
        "rpc Reserve",
        "shop.Up.Reserve, step reserve of shop.Shop.Buy, was not known to be idempotent and is known to be idempotent now",
      ],
    ],
  },
  {
    name: "compensation of a refused step",
    from: 'compensation: "Release"',
    to: 'compensate_on_failure: true compensation: "Release"',
    says: [
      [
        "SAGA_BREAK_POLICY",
        "(saga.v1.step) = {compensate_on",
        "compensate_on_failure of shop.Up.Reserve, step reserve of shop.Shop.Buy, was false and is true now",
      ],
    ],
  },
  {
    name: "a facade that is an RPC like any other now",
    from: 'option (saga.v1.facade) = {\n      mode: MODE_SYNC\n      steps: [{call: "shop.Up.Look"}]\n    };',
    to: "",
    says: [
      [
        "SAGA_BREAK_FACADE_GONE",
        "rpc Other",
        "the facade shop.Shop.Other was removed, so its open sagas can't run; keep it until it has no open sagas",
      ],
    ],
  },
  {
    name: "a facade of another name",
    from: "rpc Other",
    to: "rpc Another",
    says: [["SAGA_BREAK_FACADE_GONE", 'syntax = "proto3"', "the facade shop.Shop.Other was removed"]],
  },
];
