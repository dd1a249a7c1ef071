import { type BadInput, facade } from "./bad-input.js";

const idempotent = "option idempotency_level = IDEMPOTENT;";

/** What can be wrong with the marks of an RPC, and with where it stands. */
export const badSteps: readonly BadInput[] = [
  {
    name: "missing compensations",
    up: `/*SAGA_COMPENSATION_MISSING*/rpc Plain(M) returns (M);
  rpc Marked(M) returns (M) { option /*SAGA_COMPENSATION_MISSING*/(saga.v1.step) = {timeout: {seconds: 1}}; }
  rpc Harmless(M) returns (M) { option (saga.v1.step) = {no_effect: true}; }`,
    rpcs: `${facade(`mode: MODE_SYNC
      steps: [{call: "$.Up.Plain"}, {call: "$.Up.Marked"}, {call: "$.Up.Harmless"}, {call: "$.Up.Read"}]`)}
  ${facade('mode: MODE_SYNC steps: [{call: "$.Up.Plain"}]', "G")}`,
    says: [
      "step $.Up.Plain has nothing that undoes it; name its compensation in (saga.v1.step), or, if there is nothing to " +
        "undo, say no_effect: true there or option idempotency_level = NO_SIDE_EFFECTS",
      "step $.Up.Marked has nothing that undoes it",
    ],
  },
  {
    name: "unknown, foreign and unmarked compensations, used or not",
    up: `rpc Close(M) returns (M) { option (saga.v1.step) = {/*SAGA_COMPENSATION_UNKNOWN*/compensation: "Undoo"}; }
  rpc Far(M) returns (M) { option (saga.v1.step) = {/*SAGA_COMPENSATION_UNKNOWN*/compensation: "Reimburse"}; }
  rpc Other(M) returns (M) { option (saga.v1.step) = {/*SAGA_COMPENSATION_FOREIGN*/compensation: "$.S.Undo2"}; }
  rpc Bare(M) returns (M) { option (saga.v1.step) = {/*SAGA_COMPENSATION_UNMARKED*/compensation: "Later"}; }
  rpc Full(M) returns (M) { option (saga.v1.step) = {compensation: "$.Up.Undo"}; }`,
    rpcs: "rpc Undo2(M) returns (M) { option (saga.v1.compensation) = {}; }",
    says: [
      'no RPC Undoo in $.Up (did you mean "Undo"?); name an RPC of $.Up',
      "no RPC Reimburse in $.Up; name an RPC of $.Up",
      "compensation $.S.Undo2 belongs to another service than $.Up.Other; name an RPC of $.Up",
      "$.Up.Later isn't marked as a compensation; add option (saga.v1.compensation) = {} to it",
    ],
  },
  {
    name: "compensations of steps without effect",
    up: `rpc A(M) returns (M) {
    option (saga.v1.step) = {no_effect: true /*SAGA_COMPENSATION_CONTRADICTED*/compensation: "Undo"};
  }
  rpc B(M) returns (M) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (saga.v1.step) = {/*SAGA_COMPENSATION_CONTRADICTED*/compensation: "Undo"};
  }`,
    says: [
      "$.Up.A says no_effect and names a compensation; remove one of the two",
      "$.Up.B says idempotency_level = NO_SIDE_EFFECTS and names a compensation; remove one of the two",
    ],
  },
  {
    name: "compensate_on_failure without a compensation",
    up: `rpc A(M) returns (M) {
    option /*SAGA_COMPENSATE_ON_FAILURE_VAIN*/(saga.v1.step) = {no_effect: true compensate_on_failure: true};
  }`,
    says: ["$.Up.A says compensate_on_failure and names no compensation; name one or remove compensate_on_failure"],
  },
  {
    name: "compensations that never run",
    up: `rpc A(M) returns (M) {
    ${idempotent}
    option (saga.v1.step) = {kind: STEP_KIND_PIVOT /*SAGA_COMPENSATION_UNREACHABLE*/compensation: "Undo"};
  }
  rpc B(M) returns (M) {
    ${idempotent}
    option (saga.v1.step) = {kind: STEP_KIND_PIVOT compensation: "Undo" compensate_on_failure: true};
  }`,
    rpcs: facade(`mode: MODE_SYNC
      steps {call: "$.Up.Commit"}
      /*SAGA_COMPENSATION_UNREACHABLE*/steps {call: "$.Up.Do"}`),
    says: [
      "nothing undoes pivot $.Up.A once it has succeeded; remove compensation, or add compensate_on_failure",
      "$.Up.Do stands after the pivot of $.S.F, where nothing is undone, and names a compensation; list it before",
    ],
  },
  {
    name: "pivots",
    up: `rpc Wild(M) returns (M) {
    option (saga.v1.step) = {/*SAGA_PIVOT_NOT_IDEMPOTENT*/kind: STEP_KIND_PIVOT};
  }`,
    rpcs: `${facade(`mode: MODE_SYNC
      steps {call: "$.Up.Commit"}
      /*SAGA_PIVOT_DUPLICATE*/steps {call: "$.Up.Commit" name: "again"}`)}
  ${facade(
    `mode: MODE_SYNC
      /*SAGA_PIVOT_PARALLEL*/steps {parallel: {steps: [{call: "$.Up.Do"}, {call: "$.Up.Commit"}]}}
      steps {call: "$.Up.Later"}`,
    "G",
  )}`,
    says: [
      "pivot $.Up.Wild isn't known idempotent, and an unknown outcome is resolved by calling it again; say option",
      "$.S.F has a second pivot, $.Up.Commit, after $.Up.Commit; a saga has one point of no return, keep one",
      "pivot $.Up.Commit stands in a parallel group of $.S.G; give it an entry of its own",
    ],
  },
  {
    name: "kinds on the wrong side of the pivot",
    up: `rpc Back(M) returns (M) {
    ${idempotent}
    option (saga.v1.step) = {kind: STEP_KIND_COMPENSATABLE compensation: "Undo"};
  }
  rpc Forth(M) returns (M) { ${idempotent} option (saga.v1.step) = {kind: STEP_KIND_RETRIABLE}; }`,
    rpcs: `${facade(`mode: MODE_SYNC
      /*SAGA_RETRIABLE_BEFORE_PIVOT*/steps {call: "$.Up.Forth"}
      steps {call: "$.Up.Commit"}
      /*SAGA_COMPENSATABLE_AFTER_PIVOT*/steps {call: "$.Up.Back"}
      steps {call: "$.Up.Forth" name: "good"}`)}
  ${facade('mode: MODE_SYNC\n      /*SAGA_RETRIABLE_BEFORE_PIVOT*/steps {call: "$.Up.Forth"}', "G")}`,
    says: [
      "$.Up.Forth is of kind retriable and $.S.F lists it before its pivot; list it after the pivot",
      "$.Up.Back stands after the pivot of $.S.F and is of kind compensatable; list it before the pivot",
      "$.Up.Forth is of kind retriable and $.S.G has no pivot; give an earlier step kind: STEP_KIND_PIVOT",
    ],
  },
  {
    name: "steps after the pivot that may not be retried",
    up: `rpc Wild(M) returns (M);
  rpc Single(M) returns (M) { ${idempotent} option (saga.v1.step) = {
    retry: {/*SAGA_STEP_NOT_RETRIABLE*/max_attempts: 1}
  }; }`,
    rpcs: facade(`mode: MODE_SYNC
      steps {call: "$.Up.Commit"}
      /*SAGA_STEP_NOT_RETRIABLE*/steps {call: "$.Up.Wild"}
      steps {call: "$.Up.Single"}
      steps {call: "$.Up.Read"}`),
    says: [
      "$.Up.Single stands after the pivot of $.S.F, where it is retried until it succeeds, and says max_attempts: 1;",
      "$.Up.Wild stands after the pivot of $.S.F, where it is retried until it succeeds, and isn't known idempotent;",
    ],
  },
  {
    name: "a retry of an RPC that isn't known idempotent",
    up: `rpc A(M) returns (M) {
    option (saga.v1.step) = {no_effect: true retry: {/*SAGA_RETRY_NOT_IDEMPOTENT*/max_attempts: 2}};
  }
  rpc B(M) returns (M) { option (saga.v1.step) = {no_effect: true retry: {max_attempts: 1}}; }
  rpc C(M) returns (M) { option (saga.v1.compensation) = {retry: {max_attempts: 9}}; }`,
    says: [
      "$.Up.A is to be retried and isn't known idempotent; say option idempotency_level = IDEMPOTENT if repeats do no " +
        "harm, or remove max_attempts",
    ],
  },
];
