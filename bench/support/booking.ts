import { randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { status } from "@grpc/grpc-js";
import {
  BookingASyncResponse,
  BookingRequest,
  BookingServiceService,
  BookingSyncResponse,
} from "../../generated/pb/booking/booking.js";
import { connectCompletions } from "./completions.js";
import { connectRaw, type RawAnswer, type RawClient } from "./raw-call.js";

/** Which facade is called, and where. */
export interface Target {
  readonly address: string;
  readonly facade: "sync" | "async" | "throttled";
  /**
   * The port of the facade's completion feed: an async booking then ends when its saga has, and not with the call's
   * answer.
   */
  readonly feed?: number;
  /** How long a booking may take, ms. */
  readonly timeoutMs: number;
  /** Whether request ids are UUIDs, as those of most clients, and not counted; not with a feed. */
  readonly randomIds?: boolean;
  /** How many connections are called over, in turn. Default: 1 */
  readonly connections?: number;
}

/** How a booking went. */
export interface Booked {
  readonly id: string;
  /** What went wrong; undefined where it was made. */
  readonly error: string | undefined;
  /** The server had no room for it. */
  readonly refused: boolean;
  /** The call was answered with success. */
  readonly accepted: boolean;
  /** From the call to its answer. */
  readonly answerMs: number;
  /** From the call to the booking's end. */
  readonly endMs: number;
}

/** Makes bookings at one facade. */
export interface Booker {
  /** Calls the facade. `ended` is called when the booking has ended. */
  book(ended: (booked: Booked) => void): void;
  /** Whether the next booking's call would leave at once, and not wait for a free stream. */
  hasFreeStream(): boolean;
}

const bookers = new Map<string, Promise<Booker>>();

/** The booker of a facade, connected. */
export function bookerOf(target: Target): Promise<Booker> {
  const key = JSON.stringify(target);
  // The name makes ids, and the ends of feeds, unique.
  const booker = bookers.get(key) ?? connectBooker(target, `bench${process.pid}n${bookers.size}`);
  bookers.set(key, booker);
  return booker;
}

async function connectBooker(target: Target, name: string): Promise<Booker> {
  const { address, facade, feed, timeoutMs, randomIds, connections = 1 } = target;
  const clients = await Promise.all(Array.from({ length: connections }, () => connectRaw(address)));
  let turn = 0;
  /** The next connection that has a free stream, or else the next one. */
  const nextClient = (): RawClient => {
    turn++;
    const inTurn = clients.map((_, at) => clients[(turn + at) % clients.length]).filter((one) => one !== undefined);
    const client = inTurn.find(({ hasFreeStream }) => hasFreeStream) ?? inTurn[0];
    if (client === undefined) throw new Error("there is no connection");
    return client;
  };
  const heard = feed === undefined ? undefined : await connectCompletions(feed, name, timeoutMs);
  // A sync booking ends with its answer. What is heard of it all the same costs its facade what the others' costs them.
  const completions = facade === "async" ? heard : undefined;
  let lastRequest = 0;
  const { path } = methods[facade];
  const request = BookingRequest.encode({ ProductID: 1n, Count: 1n, FaultInject: false }).finish();

  return {
    hasFreeStream: () => clients.some((client) => client.hasFreeStream),
    book(ended) {
      const client = nextClient();
      const id = randomIds ? randomUUID() : `${name}-${++lastRequest}`;
      const startedAt = performance.now();
      let answerMs: number | undefined;
      let completion: { readonly error: string | undefined } | undefined;
      const end = (error: string | undefined, { refused = false, accepted = true } = {}) => {
        const endMs = performance.now() - startedAt;
        ended({ id, error, refused, accepted, answerMs: answerMs ?? endMs, endMs });
      };
      // The saga's end may arrive before the call's answer, because they use two connections.
      completions?.expect(id, (error) => {
        completion = { error };
        if (answerMs !== undefined) end(error);
      });
      client.call(path, request, { "x-request-id": id, timeoutMs }, (answer) => {
        answerMs = performance.now() - startedAt;
        const failure = failureOf(facade, answer);
        if (failure !== undefined) {
          completions?.forget(id);
          end(failure, { refused: answer.code === status.RESOURCE_EXHAUSTED, accepted: false });
        } else if (completions === undefined) {
          end(undefined);
        } else if (completion !== undefined) {
          end(completion.error);
        }
      });
    },
  };
}

const methods = {
  sync: BookingServiceService.handleSyncBooking,
  async: BookingServiceService.handleAsyncBooking,
  throttled: BookingServiceService.handleThrottledBooking,
} as const;

function failureOf(facade: Target["facade"], { code, details, body }: RawAnswer): string | undefined {
  if (code !== status.OK) return `${status[code]}: ${details}`;
  return isEmpty(facade, body) ? "empty answer" : undefined;
}

function isEmpty(facade: Target["facade"], body: Buffer): boolean {
  if (facade === "async") return BookingASyncResponse.decode(body).RequestID === "";
  const { OrderID, PaymentID } = BookingSyncResponse.decode(body);
  return OrderID === 0n || PaymentID === 0n;
}
