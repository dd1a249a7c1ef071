import { type BadInput, facade } from "./bad-input.js";

/** An RPC of Up with step options. */
const step = (name: string, options: string) => `rpc ${name}(M) returns (M) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (saga.v1.step) = {${options}};
  }`;

/** What can be wrong with numbers and durations. */
export const badValues: readonly BadInput[] = [
  {
    name: "durations",
    up: [
      step("A", "timeout: {/*SAGA_DURATION_INVALID*/seconds: -1}"),
      // An empty message has no location.
      step("B", "timeout: {}").replace("option (saga", "option /*SAGA_DURATION_INVALID*/(saga"),
      step("C", "timeout: {/*SAGA_DURATION_INVALID*/nanos: 999999}"),
      step("D", "timeout: {/*SAGA_DURATION_INVALID*/seconds: 315576000001}"),
      step("E", "timeout: {/*SAGA_DURATION_INVALID*/seconds: 1 nanos: -1}"),
      step("G", "timeout: {/*SAGA_DURATION_INVALID*/nanos: 1000000000}"),
      step("H", "retry: {initial_backoff: {/*SAGA_DURATION_INVALID*/nanos: -5}}"),
      step("I", "retry: {max_backoff: {/*SAGA_DURATION_INVALID*/seconds: 315576000000 nanos: 1}}"),
      step("J", "timeout: {seconds: 315576000000} retry: {initial_backoff: {nanos: 1000000}}"),
      "rpc K(M) returns (M) { option /*SAGA_DURATION_INVALID*/(saga.v1.compensation).timeout = {seconds: -2}; }",
    ].join("\n  "),
    rpcs: facade('mode: MODE_SYNC steps: [{call: "$.Up.Do"}]\n      deadline: {/*SAGA_DURATION_INVALID*/nanos: 7}'),
    says: [
      "timeout is negative; set at least 1 ms, such as {nanos: 1000000}",
      "timeout is zero",
      "timeout is shorter than 1 ms",
      "timeout is longer than 315576000000 s",
      "timeout has seconds and nanos of different signs",
      "timeout has 1000000000 nanos, more than one second",
      "initial_backoff is negative",
      "max_backoff is longer than 315576000000 s",
      "timeout is negative",
      "deadline is shorter than 1 ms",
    ],
  },
  {
    name: "retry numbers",
    up: [
      step("A", "retry: {/*SAGA_RETRY_INVALID*/max_attempts: -1}"),
      step("B", "retry: {/*SAGA_RETRY_INVALID*/max_attempts: 1001}"),
      step("C", "retry: {/*SAGA_RETRY_INVALID*/multiplier: 0.5}"),
      step("D", "retry: {/*SAGA_RETRY_INVALID*/multiplier: nan}"),
      step("E", "retry: {/*SAGA_RETRY_INVALID*/multiplier: inf}"),
      step("G", "retry: {/*SAGA_RETRY_INVALID*/multiplier: -2}"),
      step("H", "retry: {max_attempts: 1000 multiplier: 1}"),
      "rpc I(M) returns (M) { option (saga.v1.compensation) = {retry: {/*SAGA_RETRY_INVALID*/max_attempts: 1001}}; }",
    ].join("\n  "),
    rpcs: facade('mode: MODE_SYNC steps: [{call: "$.Up.B"}, {call: "$.Up.E"}]'),
    says: [
      "max_attempts is -1; set 1 to 1000",
      "max_attempts is 1001; set 1 to 1000",
      "multiplier is 0.5; set at least 1",
      "multiplier is NaN; set",
      "multiplier is Infinity; set",
      "multiplier is -2; set",
      "max_attempts is 1001; set",
    ],
  },
  {
    name: "mistakes in one line, found last to first",
    up: step(
      "A",
      '/*SAGA_COMPENSATION_CONTRADICTED SAGA_COMPENSATION_UNKNOWN*/compensation: "Nope" ' +
        "timeout: {/*SAGA_DURATION_INVALID*/seconds: -1}",
    ),
    says: ["$.Up.A has idempotency_level", "no RPC Nope in $.Up", "timeout is negative"],
  },
  {
    name: "backoffs the wrong way round",
    up: [
      step("A", "retry: {initial_backoff: {/*SAGA_BACKOFF_INVERTED*/seconds: 2} max_backoff: {seconds: 1}}"),
      step("B", "retry: {initial_backoff: {/*SAGA_BACKOFF_INVERTED*/seconds: 6}}"),
      step("C", "retry: {max_backoff: {/*SAGA_BACKOFF_INVERTED*/nanos: 50000000}}"),
      "rpc D(M) returns (M) { option (saga.v1.compensation) = {retry: {initial_backoff: {seconds: 6}}}; }",
    ].join("\n  "),
    says: [
      "initial_backoff 2 s is longer than max_backoff 1 s; lower initial_backoff or raise max_backoff",
      "initial_backoff 6 s is longer than max_backoff 5 s (the default); lower",
      "initial_backoff 100 ms is longer than max_backoff 50 ms; lower",
    ],
  },
  {
    // Worst: Do and Once in parallel, 3 × 10 s + 100 ms + 200 ms; then the pivot, the same; what is later doesn't
    // count.
    name: "a deadline that is shorter than the steps may take",
    rpcs: `${facade(`mode: MODE_SYNC
      steps: [{parallel: {steps: [{call: "$.Up.Do"}, {call: "$.Up.Once"}]}}, {call: "$.Up.Commit"}, {call: "$.Up.Later"}]
      deadline: {/*SAGA_DEADLINE_SHORT*/seconds: 60 nanos: 599000000}`)}
  ${facade(
    `mode: MODE_SYNC
      steps: [{call: "$.Up.Do"}, {call: "$.Up.Commit"}, {call: "$.Up.Later"}]
      deadline: {seconds: 60 nanos: 600000000}`,
    "G",
  )}`,
    says: [
      "the deadline of $.S.F is 60599 ms, but its steps may take 60600 ms with all attempts and backoffs; raise the deadline, " +
        "or lower timeouts and retries, unless slow sagas are to be rolled back",
    ],
  },
];
