import type { Broker } from "../broker/broker.js";
import { statusName } from "../core/status.js";
import type { Message } from "../journal/journal.js";
import { carried } from "./message.js";
import type { Log } from "./ports.js";
import type { Run } from "./run.js";

/** What the completion topic tells of a saga, as JSON. */
export interface Completion {
  readonly request_id: string;
  /** "pb.BookingService/HandleAsyncBooking" */
  readonly facade: string;
  readonly state: "COMPLETED" | "COMPENSATED";
  /** The facade's response in proto3 JSON; absent where the saga was compensated. */
  readonly response?: unknown;
  /** Why the saga was compensated, or why it has no response. */
  readonly failure?: {
    readonly status: string;
    readonly message: string;
    readonly reason: string;
    readonly step?: string;
  };
}

interface Told {
  readonly log: Log;
  readonly broker: Broker;
}

/** The message on the completion topic of a saga that has ended. */
export function completionMessage(topic: string, { id, facade, state }: Run, { log, broker }: Told): Message {
  const { response, failure } = state;
  const step = failure?.step === undefined ? undefined : facade.steps[failure.step]?.name;
  const completed = state.phase === "completed";
  const completion: Completion = {
    request_id: id,
    facade: facade.name,
    state: completed ? "COMPLETED" : "COMPENSATED",
    ...(failure === undefined
      ? {}
      : {
          failure: {
            status: statusName(failure.code),
            message: failure.message,
            reason: failure.reason,
            ...(step === undefined ? {} : { step }),
          },
        }),
  };
  return { topic, key: id, body: completed && response !== undefined ? withResponse(response) : bare() };

  function bare(): string {
    return JSON.stringify(completion);
  }

  function withResponse(bytes: Uint8Array): string {
    try {
      const told: Completion = { ...completion, response: facade.response.toJSON(facade.response.decode(bytes)) };
      return carried(broker, JSON.stringify(told));
    } catch (err) {
      // Such as a time that JSON has no words for, or more than the broker carries: the saga has ended all the same.
      log.warn({ saga: id, err }, "a completion message goes without its response");
      return bare();
    }
  }
}
