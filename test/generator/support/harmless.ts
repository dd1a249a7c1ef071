import { type Change, mail, upstream } from "./shop.js";

/** What breaks nothing. */
export const harmless: readonly Change[] = [
  { name: "nothing", from: "message N {}", to: "message N {}" },
  {
    name: "an optional field",
    from: "message M { string s = 1; }",
    to: "message M { string s = 1; optional string note = 2; }",
  },
  { name: "a comment", from: "  rpc Buy", to: "  // Buys.\n  rpc Buy" },
  { name: "a deadline", from: "mode: MODE_ASYNC", to: "mode: MODE_ASYNC deadline: {seconds: 900}" },
  {
    name: "timeouts and retries",
    from: `${upstream("Ship")} option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {`,
    to: `${upstream("Ship")} option idempotency_level = IDEMPOTENT; option (saga.v1.step) = {timeout: {seconds: 1} retry: {max_attempts: 9} `,
  },
  {
    name: "what is the default, written out",
    from: "mode: MODE_ASYNC",
    to: "mode: MODE_ASYNC recovery: RECOVERY_CARRY_ON",
  },
  {
    name: "a name and a topic that are the default, written out",
    from: mail,
    to: 'steps: {call: "shop.Up.Mail" name: "mail" topic: "mail"}',
  },
  {
    name: "a facade more",
    from: "rpc Plain(M) returns (M);",
    to: 'rpc Plain(M) returns (M) { option (saga.v1.facade) = {mode: MODE_SYNC steps: [{call: "shop.Up.Look"}]}; }',
  },
  { name: "another upstream RPC", from: "service Up {", to: "service Up {\n  rpc New(M) returns (M);" },
  { name: "another place in the file", from: "message N {}", to: "\n\nmessage N {}" },
].map((change) => ({ ...change, says: [] }));
