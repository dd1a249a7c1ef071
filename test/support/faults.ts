import { setTimeout as sleep } from "node:timers/promises";
import {
  type handleUnaryCall,
  type Metadata,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

/** What goes wrong with a call. Each fault is used for `times` calls. Default: one call */
export interface Fault {
  /** Waits this long before anything else, ms. */
  readonly delayMs?: number;
  /** Waits for this before anything else. */
  readonly hold?: Promise<unknown>;
  /** Answers with this status. `effect` says whether the call takes effect first. */
  readonly fail?: { readonly code: status; readonly message?: string };
  /** Never answers. `effect` says whether the call takes effect. */
  readonly hang?: boolean;
  /** With `fail` or `hang`: the call takes effect, and only its answer is lost. */
  readonly effect?: boolean;
  /** May be Infinity. */
  readonly times?: number;
}

/** A call that arrived. */
export interface RecordedCall {
  /** "createOrder" */
  readonly method: string;
  readonly request: unknown;
  readonly metadata: Readonly<Record<string, string>>;
  /** ms since the Unix epoch; undefined if the call has no deadline. */
  readonly deadline: number | undefined;
  /** The status that the client got; undefined before that. */
  code: status | undefined;
}

/** Planned faults and received calls. */
export interface Faults {
  /** Plans a fault for the next calls of a method. Plans are used in order. */
  plan(method: string, fault: Fault): void;
  /** Chooses the fault of each call without a plan by its saga and the number of its attempt, from 1. */
  decideBy(decide: (method: string, sagaId: string, attempt: number) => Fault): void;
  readonly calls: readonly RecordedCall[];
  /** The calls of one method. */
  callsOf(method: string): readonly RecordedCall[];
}

/** Wraps a service's handlers: calls are recorded, and fail as planned. */
export function withFaults<Handlers extends UntypedServiceImplementation>(handlers: Handlers) {
  const plans = new Map<string, { fault: Fault; left: number }[]>();
  const calls: RecordedCall[] = [];
  const attempts = new Map<string, number>();
  let decide: Parameters<Faults["decideBy"]>[0] = () => ({});

  function nextFault(method: string, sagaId = ""): Fault {
    const queue = plans.get(method) ?? [];
    const head = queue[0];
    if (head === undefined) {
      const attempt = (attempts.get(`${method} ${sagaId}`) ?? 0) + 1;
      attempts.set(`${method} ${sagaId}`, attempt);
      return decide(method, sagaId, attempt);
    }
    head.left -= 1;
    if (head.left <= 0) queue.shift();
    return head.fault;
  }

  function wrap(method: string, handler: handleUnaryCall<unknown, unknown>): handleUnaryCall<unknown, unknown> {
    return (call, callback) => {
      const record = recordOf(method, call);
      calls.push(record);
      const answer: sendUnaryData<unknown> = (error, ...rest) => {
        record.code = error === null ? status.OK : (error.code ?? status.UNKNOWN);
        callback(error, ...rest);
      };
      run(nextFault(method, record.metadata["x-request-id"]), (then) => handler(call, then), answer).catch(
        (error: unknown) => answer({ code: status.INTERNAL, details: `the fault itself failed: ${String(error)}` }),
      );
    };
  }

  const faults: Faults = {
    plan(method, fault) {
      if (!(method in handlers)) throw new Error(`no method ${method}; there are ${Object.keys(handlers).join(", ")}`);
      const queue = plans.get(method) ?? [];
      queue.push({ fault, left: fault.times ?? 1 });
      plans.set(method, queue);
    },
    decideBy(decideNow) {
      decide = decideNow;
    },
    calls,
    callsOf: (method) => calls.filter((call) => call.method === method),
  };
  const wrapped: UntypedServiceImplementation = {};
  for (const [method, handler] of Object.entries(handlers)) {
    wrapped[method] = wrap(method, handler as handleUnaryCall<unknown, unknown>);
  }
  return { handlers: wrapped, faults };
}

async function run(
  fault: Fault,
  effect: (then: sendUnaryData<unknown>) => void,
  answer: sendUnaryData<unknown>,
): Promise<void> {
  if (fault.delayMs !== undefined) await sleep(fault.delayMs);
  await fault.hold;
  if (fault.fail === undefined && !fault.hang) {
    effect(answer);
    return;
  }
  if (fault.effect) await new Promise<void>((resolve) => effect(() => resolve()));
  if (fault.fail !== undefined) {
    answer({ code: fault.fail.code, details: fault.fail.message ?? "a planned fault" });
  }
}

function recordOf(method: string, call: ServerUnaryCall<unknown, unknown>): RecordedCall {
  const deadline = call.getDeadline();
  const ms = deadline instanceof Date ? deadline.getTime() : deadline;
  return {
    method,
    request: call.request,
    metadata: flatten(call.metadata),
    deadline: Number.isFinite(ms) ? ms : undefined,
    code: undefined,
  };
}

function flatten(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata.getMap()).map(([key, value]) => [key, value.toString()]));
}
