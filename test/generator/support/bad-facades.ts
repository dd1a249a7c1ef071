import { deadLetterTopic } from "../../../runtime/broker/broker.js";
import { type BadInput, facade } from "./bad-input.js";

/** What can be wrong with a facade, its entries, names and topics. */
export const badFacades: readonly BadInput[] = [
  {
    name: "no mode",
    rpcs: `rpc F(M) returns (M) {
    option /*SAGA_MODE_MISSING*/(saga.v1.facade) = { steps: [{call: "$.Up.Do"}] };
  }`,
    says: ["facade $.S.F has no mode; set mode: MODE_SYNC, MODE_ASYNC or MODE_THROTTLED"],
  },
  {
    name: "no steps",
    rpcs: "rpc F(M) returns (M) { option /*SAGA_FACADE_EMPTY*/(saga.v1.facade) = {mode: MODE_SYNC}; }",
    says: ["facade $.S.F has no steps; list at least one"],
  },
  {
    name: "a facade that is a step, and one that is a compensation",
    rpcs: `${facade('mode: MODE_SYNC steps: [{call: "$.Up.Do"}]').replace("option", "option /*SAGA_FACADE_MIXED*/(saga.v1.step) = {}; option")}
  ${facade('mode: MODE_SYNC steps: [{call: "$.Up.Do"}]', "G").replace("option", "option /*SAGA_FACADE_MIXED*/(saga.v1.compensation) = {}; option")}`,
    says: [
      "$.S.F is a facade and also marked as a step; remove (saga.v1.step)",
      "$.S.G is a facade and also marked as a compensation; remove (saga.v1.compensation)",
    ],
  },
  {
    name: "RPCs with one name in generated code",
    rpcs: `${facade('mode: MODE_SYNC steps: [{call: "$.Up.Do"}]', "GetURL")}
  /*SAGA_FACADE_NAME_DUPLICATE*/rpc GetUrl(M) returns (M);`,
    says: ["$.S's GetURL and GetUrl are both named getUrl in generated code; rename one of them"],
  },
  {
    name: "streaming RPCs",
    up: `rpc Pour(M) returns (stream M) { option /*SAGA_RPC_STREAMING*/(saga.v1.step) = {no_effect: true}; }
  rpc Unpour(stream M) returns (M) { option /*SAGA_RPC_STREAMING*/(saga.v1.compensation) = {}; }`,
    rpcs: `rpc F(stream M) returns (M) {
    option /*SAGA_RPC_STREAMING*/(saga.v1.facade) = {
      mode: MODE_SYNC
      /*SAGA_RPC_STREAMING*/steps: [{call: "$.Up.Watch"}, {call: "$.Up.Pour"}]
    };
  }`,
    says: [
      "$.Up.Pour is streaming; a step must be a unary RPC",
      "$.Up.Unpour is streaming; a compensation must be a unary RPC",
      "$.S.F is streaming; a facade must be a unary RPC",
      "$.Up.Watch is streaming; a step must be a unary RPC",
    ],
  },
  {
    name: "unknown RPCs",
    rpcs: facade(`mode: MODE_SYNC
      /*SAGA_STEP_UNKNOWN*/steps {call: "$.Up.Doo"}
      /*SAGA_STEP_UNKNOWN*/steps {call: "Up.Do"}
      /*SAGA_STEP_UNKNOWN*/steps {call: "some.other.Service.Rpc"}`),
    says: [
      '$.S.F calls unknown RPC $.Up.Doo (did you mean "$.Up.Do"?); use its full name, and make its file part of',
      '$.S.F calls unknown RPC Up.Do (did you mean "$.Up.Do"?); use its full name',
      "$.S.F calls unknown RPC some.other.Service.Rpc; use its full name",
    ],
  },
  {
    name: "entries that call nothing",
    rpcs: facade(`mode: MODE_SYNC
      /*SAGA_STEP_EMPTY*/steps {name: "nothing"}
      /*SAGA_STEP_EMPTY*/steps {call: ""}`),
    says: [
      "an entry of $.S.F's steps has neither call nor parallel; give call",
      "an entry of $.S.F's steps has neither call nor parallel; give call",
    ],
  },
  {
    name: "nested sagas",
    rpcs: `${facade(`mode: MODE_SYNC
      /*SAGA_STEP_FACADE*/steps {call: "$.S.F"}
      /*SAGA_STEP_FACADE*/steps {call: "$.S.G"}`)}
  ${facade('mode: MODE_SYNC steps: [{call: "$.Up.Do"}]', "G")}`,
    says: [
      "$.S.F calls itself as a step; list",
      "$.S.F calls the facade $.S.G as a step; list the steps of that facade",
    ],
  },
  {
    name: "step names",
    up: "rpc ToString(M) returns (M) { option idempotency_level = NO_SIDE_EFFECTS; }",
    rpcs: facade(`mode: MODE_SYNC
      /*SAGA_STEP_NAME_INVALID*/steps {call: "$.Up.Do" name: "CreateOrder"}
      /*SAGA_STEP_NAME_INVALID*/steps {call: "$.Up.Do" name: "create_order"}
      /*SAGA_STEP_NAME_INVALID*/steps {call: "$.Up.Do" name: "__proto__"}
      /*SAGA_STEP_NAME_INVALID*/steps {call: "$.Up.Do" name: "1st"}
      /*SAGA_STEP_NAME_RESERVED*/steps {call: "$.Up.Do" name: "respond"}
      /*SAGA_STEP_NAME_RESERVED*/steps {call: "$.Up.Do" name: "compensate"}
      /*SAGA_STEP_NAME_RESERVED*/steps {call: "$.Up.Do" name: "constructor"}
      /*SAGA_STEP_NAME_RESERVED*/steps {call: "$.Up.Do" name: "then"}
      /*SAGA_STEP_NAME_RESERVED*/steps {call: "$.Up.ToString"}
      steps {call: "$.Up.Do"}
      /*SAGA_STEP_NAME_DUPLICATE*/steps {call: "$.Up.Do"}
      /*SAGA_STEP_NAME_DUPLICATE*/steps {call: "$.Up.Read" name: "do"}
      steps {call: "$.Up.Do" name: "delete"}`),
    says: [
      'step name "CreateOrder" of $.S.F is not in lowerCamelCase; rename it to createOrder',
      'step name "create_order" of $.S.F is not in lowerCamelCase; rename it to createOrder',
      'step name "__proto__" of $.S.F is not in lowerCamelCase; rename it to proto',
      'step name "1st" of $.S.F is not in lowerCamelCase; start it with a lower-case letter',
      'a step of $.S.F can\'t be named respond; set another name, like "respondStep"',
      "a step of $.S.F can't be named compensate",
      "a step of $.S.F can't be named constructor",
      "a step of $.S.F can't be named then",
      "a step of $.S.F can't be named toString",
      "$.S.F has two steps named do; rename one of them",
      "$.S.F has two steps named do; rename one of them",
    ],
  },
  {
    name: "parallel groups",
    rpcs: facade(`mode: MODE_SYNC
      /*SAGA_PARALLEL_TOO_SMALL*/steps {parallel: {}}
      /*SAGA_PARALLEL_TOO_SMALL*/steps {parallel: {steps: [{call: "$.Up.Do"}]}}
      /*SAGA_PARALLEL_STRAY SAGA_PARALLEL_STRAY*/steps {
        parallel: {steps: [{call: "$.Up.Do" name: "a"}, {call: "$.Up.Do" name: "b"}]} name: "n" topic: "t"
      }
      steps {parallel: {
        steps {call: "$.Up.Do" name: "c"}
        steps {parallel: {steps: [{call: "$.Up.Do" name: "d"}, {call: "$.Up.Do" name: "e"}]}}
      }}`).replace("steps {parallel: {\n", "/*SAGA_PARALLEL_NESTED*/steps {parallel: {\n"),
    says: [
      "a parallel group of $.S.F has no steps; add steps, or call the one step directly",
      "a parallel group of $.S.F has one step; add steps",
      "a parallel group of $.S.F has a name; set it on the group's steps",
      "a parallel group of $.S.F has a topic; set it on the group's steps",
      "a parallel group of $.S.F contains another one; list the steps of both in one group",
    ],
  },
  {
    name: "topic names",
    rpcs: facade(`mode: MODE_ASYNC
      /*SAGA_TOPIC_INVALID*/rollback_topic: "cancel it"
      /*SAGA_TOPIC_INVALID*/steps {call: "$.Up.Do" topic: "a/b"}
      /*SAGA_TOPIC_INVALID*/steps {call: "$.Up.Read" topic: ".."}
      steps {call: "$.Up.Read" name: "other" topic: "${"x".repeat(200)}"}
      /*SAGA_TOPIC_INVALID*/steps {call: "$.Up.Read" name: "third" topic: "${"x".repeat(201)}"}`),
    says: [
      'topic "cancel it" of the rollback of $.S.F is not a valid topic name; use letters',
      'topic "a/b" of step $.Up.Do of $.S.F is not a valid',
      'topic ".." of step $.Up.Read of $.S.F is not a valid',
      `topic "${"x".repeat(201)}" of step`,
    ],
  },
  {
    name: "topics used twice",
    rpcs: `${facade(`mode: MODE_ASYNC
      rollback_topic: "undo.f"
      steps {call: "$.Up.Do"}
      /*SAGA_TOPIC_DUPLICATE*/steps {call: "$.Up.Do" name: "again"}`)}
  ${facade(
    `mode: MODE_THROTTLED
      /*SAGA_TOPIC_DUPLICATE*/rollback_topic: "undo_f"
      /*SAGA_TOPIC_DUPLICATE*/steps {call: "$.Up.Do"}
      steps {call: "$.Up.Do" name: "other" topic: "other"}`,
    "G",
  )}
  ${facade('mode: MODE_SYNC /*SAGA_TOPIC_DUPLICATE*/rollback_topic: "do" steps: [{call: "$.Up.Do"}]', "H")}`,
    says: [
      'topic "do" of step $.Up.Do "again" of $.S.F is also the topic of step $.Up.Do of $.S.F (#.proto:20); set another one',
      'topic "undo_f" of the rollback of $.S.G differs only by "." and "_" from "undo.f", the topic of the rollback of',
      'topic "do" of step $.Up.Do of $.S.G is also the topic of step $.Up.Do of $.S.F',
      'topic "do" of the rollback of $.S.H is also the topic of step $.Up.Do of $.S.F',
    ],
  },
  {
    name: "topics that are the dead-letter topics of others",
    rpcs: `${facade(`mode: MODE_ASYNC
      rollback_topic: "undo"
      steps {call: "$.Up.Do"}
      /*SAGA_TOPIC_DUPLICATE*/steps {call: "$.Up.Do" name: "again" topic: "${deadLetterTopic("do")}"}
      steps {call: "$.Up.Read" topic: "later_dead-letter"}
      steps {call: "$.Up.Read" name: "deep" topic: "do.dead-letter.dead-letters"}`)}
  ${facade(
    `mode: MODE_THROTTLED
      rollback_topic: "no"
      /*SAGA_TOPIC_DUPLICATE*/steps {call: "$.Up.Do" topic: "later"}
      /*SAGA_TOPIC_DUPLICATE*/steps {call: "$.Up.Do" name: "other" topic: "undo_dead-letter"}`,
    "G",
  )}`,
    says: [
      'topic "do.dead-letter" of step $.Up.Do "again" of $.S.F would be the dead-letter topic of topic "do" of step $.Up.Do of $.S.F',
      'topic "later" of step $.Up.Do of $.S.G would have "later_dead-letter" as its dead-letter topic, and that is the topic of step $.Up.Read of $.S.F',
      'topic "undo_dead-letter" of step $.Up.Do "other" of $.S.G would be the dead-letter topic of topic "undo" of the rollback of $.S.F',
    ],
  },
  {
    name: "a topic of a sync facade's step",
    rpcs: facade('mode: MODE_SYNC\n      /*SAGA_TOPIC_UNUSED*/steps {call: "$.Up.Do" topic: "do"}'),
    says: ['step $.Up.Do of $.S.F has topic "do", and MODE_SYNC uses none; remove it'],
  },
];
