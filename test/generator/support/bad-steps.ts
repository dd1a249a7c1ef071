import { type BadInput, facade } from "./bad-input.js";

const idempotent = "option idempotency_level = IDEMPOTENT;";

/** What can be wrong with the options of an RPC, and with its location. */
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
      "step $.Up.Plain has no compensation; name a compensation in (saga.v1.step), or, if the step has no " +
        "effect, set no_effect: true there or option idempotency_level = NO_SIDE_EFFECTS",
      "step $.Up.Marked has no compensation",
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
      "compensation $.S.Undo2 is not in the service of $.Up.Other; name an RPC of $.Up",
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
      "$.Up.A has no_effect but names a compensation; remove one of them",
      "$.Up.B has idempotency_level = NO_SIDE_EFFECTS but names a compensation; remove one of them",
    ],
  },
  {
    name: "compensate_on_failure without a compensation",
    up: `rpc A(M) returns (M) {
    option /*SAGA_COMPENSATE_ON_FAILURE_VAIN*/(saga.v1.step) = {no_effect: true compensate_on_failure: true};
  }`,
    says: ["$.Up.A has compensate_on_failure but names no compensation; name one or remove compensate_on_failure"],
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
      "pivot $.Up.A is never compensated after it has succeeded; remove the compensation, or set compensate_on_failure",
      "$.Up.Do is after the pivot of $.S.F, where nothing is compensated, but names a compensation; list it before",
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
      "pivot $.Up.Wild is not known to be idempotent, but must be called again if its outcome is unknown; set option",
      "$.S.F has a second pivot, $.Up.Commit, after $.Up.Commit; keep one pivot",
      "pivot $.Up.Commit is in a parallel group of $.S.G; list it as a separate entry",
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
      "$.Up.Forth has kind retriable, but $.S.F lists it before its pivot; list it after the pivot",
      "$.Up.Back is after the pivot of $.S.F and has kind compensatable; list it before the pivot",
      "$.Up.Forth has kind retriable, but $.S.G has no pivot; set kind: STEP_KIND_PIVOT on an earlier step",
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
      "$.Up.Single is after the pivot of $.S.F, where it is retried until it succeeds, but has max_attempts: 1;",
      "$.Up.Wild is after the pivot of $.S.F, where it is retried until it succeeds, but is not known to be idempotent;",
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
      "$.Up.A is retried but is not known to be idempotent; set option idempotency_level = IDEMPOTENT if repeats are " +
        "harmless, or remove max_attempts",
    ],
  },
];
