import type { Ledgers } from "../../test/support/ledger-reader.js";
import type { History } from "../load/clients.js";
import { judgeAnswers } from "./judge-answers.js";
import { type Finding, judgeBooks, judgeLedger, standingOf } from "./judge-ledgers.js";
import type { SagaSeen } from "./saga-seen.js";

/** All that is known when the run is over and everything is well again. */
export interface Evidence {
  readonly histories: readonly History[];
  readonly sagas: ReadonlyMap<string, SagaSeen>;
  readonly ledgers: Ledgers;
}

/** Holds what clients were told, what pods tell, and what the ledgers say against each other. */
export function judge({ histories, sagas, ledgers }: Evidence): readonly Finding[] {
  const standing = standingOf(ledgers);
  const known = new Set(histories.map(({ booking }) => booking.id));
  return [
    ...judgeBooks(ledgers, known),
    ...histories.flatMap((history) => {
      const { id } = history.booking;
      const seen = sagas.get(id) ?? { state: "none" };
      const stands = standing(id);
      const found = [...judgeEnd(history, seen), ...judgeLedger(seen, stands), ...judgeAnswers(history, seen, stands)];
      return found.map((what) => ({ where: id, what }));
    }),
  ];
}

const facades = { sync: "HandleSyncBooking", async: "HandleAsyncBooking", throttled: "HandleThrottledBooking" };

/** Whether the saga is there, is the one that was asked for, and ended as it could. */
function judgeEnd({ booking, told, toldOther, satisfied }: History, seen: SagaSeen): string[] {
  const found: string[] = [];
  if (!satisfied) found.push("its client never got an answer");
  if (seen.state === "none") {
    if (told.length + toldOther.length > 0) found.push("lost: a client was answered, and no pod knows the saga");
    return found;
  }
  if (seen.state === "open") found.push(`forgotten: it has not ended: ${show(seen.raw)}`);
  if (seen.state === "STUCK") found.push(`STUCK, and no compensation failed for good: ${show(seen.raw)}`);
  if (seen.facade !== `pb.BookingService/${facades[booking.mode]}`) found.push(`runs ${seen.facade}`);
  if (seen.state === "COMPLETED" && booking.faultInject) found.push("COMPLETED, although its payment was refused");
  return found;
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner));
}
