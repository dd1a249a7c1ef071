import type { StatusName } from "../../../runtime/core/status.js";
import { Status } from "../../../runtime/core/status.js";
import type { UpstreamCall, UpstreamOutcome, Upstreams } from "../../../runtime/engine/ports.js";
import { fromBytes, toBytes } from "./codec.js";

/** A call that arrived. */
export interface StubCall extends UpstreamCall {
  /** The request. */
  readonly message: unknown;
}

/** How a call ends. */
export type Reaction = UpstreamOutcome | ((call: StubCall) => UpstreamOutcome | Promise<UpstreamOutcome>);

/** A call that is answered when the test says so. */
export interface HeldCall {
  /** Settles once the call is there. */
  readonly arrived: Promise<StubCall>;
  answer(outcome: UpstreamOutcome): void;
}

/** Upstreams that answer as the test plans; a call without a plan succeeds with `{"from": "<path>"}`. */
export interface UpstreamStub extends Upstreams {
  readonly calls: readonly StubCall[];
  callsOf(path: string): readonly StubCall[];
  /** The paths in the order of the calls. */
  paths(): string[];
  /** Plans how the next calls of a path end, one after the other. */
  plan(path: string, ...reactions: Reaction[]): void;
  /** Plans how all calls of a path end that nothing else is planned for. */
  always(path: string, reaction: Reaction): void;
  /** Plans that the next call of a path is held. */
  hold(path: string): HeldCall;
}

/** Makes upstreams that answer as the test plans. */
export function createUpstreamStub(): UpstreamStub {
  const calls: StubCall[] = [];
  const plans = new Map<string, Reaction[]>();
  const standing = new Map<string, Reaction>();

  function plan(path: string, ...reactions: Reaction[]): void {
    plans.set(path, [...(plans.get(path) ?? []), ...reactions]);
  }

  return {
    calls,
    callsOf: (path) => calls.filter((call) => call.path === path),
    paths: () => calls.map(({ path }) => path),
    plan,
    always: (path, reaction) => standing.set(path, reaction),
    hold(path) {
      let arrive: (call: StubCall) => void = () => {};
      let answer: (outcome: UpstreamOutcome) => void = () => {};
      const arrived = new Promise<StubCall>((resolve) => {
        arrive = resolve;
      });
      const outcome = new Promise<UpstreamOutcome>((resolve) => {
        answer = resolve;
      });
      plan(path, (call) => {
        arrive(call);
        return outcome;
      });
      return { arrived, answer: (given) => answer(given) };
    },
    async call(call) {
      const known: StubCall = { ...call, message: fromBytes(call.body) };
      calls.push(known);
      const reaction = plans.get(call.path)?.shift() ?? standing.get(call.path) ?? ok({ from: call.path });
      return typeof reaction === "function" ? reaction(known) : reaction;
    },
    close() {},
  };
}

/** A success. */
export function ok(message: unknown): UpstreamOutcome {
  return { ok: true, body: toBytes(message) };
}

/** A failure. */
export function failing(status: StatusName, message = `upstream says ${status}`): UpstreamOutcome {
  return { ok: false, code: Status[status], message };
}
