import type { Ledgers } from "../../test/support/ledger-reader.js";
import type { History } from "../load/clients.js";
import { judgeAnswers } from "./judge-answers.js";
import { effectsOf, type Finding, judgeBooks, judgeLedger } from "./judge-ledgers.js";
import type { SagaSeen } from "./saga-seen.js";

/** What is known after the run, once all faults are over. */
export interface Evidence {
  readonly histories: readonly History[];
  readonly sagas: ReadonlyMap<string, SagaSeen>;
  readonly ledgers: Ledgers;
}

/** Compares the clients' answers, the servers' view of each saga, and the ledgers. */
export function judge({ histories, sagas, ledgers }: Evidence): readonly Finding[] {
  const effects = effectsOf(ledgers);
  const known = new Set(histories.map(({ booking }) => booking.id));
  return [
    ...judgeBooks(ledgers, known),
    ...histories.flatMap((history) => {
      const { id } = history.booking;
      const seen = sagas.get(id) ?? { state: "none" };
      const own = effects(id);
      const found = [...judgeEnd(history, seen), ...judgeLedger(seen, own), ...judgeAnswers(history, seen, own)];
      return found.map((what) => ({ where: id, what }));
    }),
  ];
}

const facades = { sync: "HandleSyncBooking", async: "HandleAsyncBooking", throttled: "HandleThrottledBooking" };

/** Checks that the saga exists, is the requested one, and ended as it may. */
function judgeEnd({ booking, answers, otherAnswers, satisfied }: History, seen: SagaSeen): string[] {
  const found: string[] = [];
  if (!satisfied) found.push("its client got no answer");
  if (seen.state === "none") {
    if (answers.length + otherAnswers.length > 0)
      found.push("lost: a client got an answer, and no server has the saga");
    return found;
  }
  if (seen.state === "open") found.push(`forgotten: the saga has not ended: ${show(seen.raw)}`);
  if (seen.state === "STUCK") found.push(`STUCK, although no compensation keeps failing: ${show(seen.raw)}`);
  if (seen.facade !== `pb.BookingService/${facades[booking.mode]}`) found.push(`its facade is ${seen.facade}`);
  if (seen.state === "COMPLETED" && booking.faultInject) found.push("COMPLETED, although its payment was refused");
  return found;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner));
}
