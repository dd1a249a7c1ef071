import type { Book, LedgerEntry, Ledgers } from "../../test/support/ledger-reader.js";
import type { SagaSeen } from "./saga-seen.js";

/** Something that must not be. */
export interface Finding {
  /** The saga's id, or the idempotency key. */
  readonly where: string;
  readonly what: string;
}

/** What one ledger says of a saga. */
interface Page {
  readonly entries: readonly LedgerEntry[];
  readonly created: number;
  readonly cancelled: number;
}

/** What both ledgers say of a saga. */
export interface Standing {
  readonly order: Page;
  readonly payment: Page;
}

/** What the ledgers say of each saga. */
export function standingOf({ orders, payments }: Ledgers): (id: string) => Standing {
  const [order, payment] = [pagesOf(orders), pagesOf(payments)];
  return (id) => ({ order: order(id), payment: payment(id) });
}

function pagesOf({ entries, effects }: Book): (id: string) => Page {
  const pages = new Map<string, { entries: LedgerEntry[]; created: number; cancelled: number }>();
  const page = (id: string) => {
    const found = pages.get(id) ?? { entries: [], created: 0, cancelled: 0 };
    pages.set(id, found);
    return found;
  };
  for (const entry of entries) page(entry.requestId).entries.push(entry);
  for (const { method, requestId } of effects) page(requestId)[method === "create" ? "created" : "cancelled"] += 1;
  return page;
}

/** Whether both effects stand where the saga completed, and none where it did not. */
export function judgeLedger({ state }: SagaSeen, standing: Standing): string[] {
  return (["order", "payment"] as const).flatMap((noun) => {
    const { entries, created, cancelled } = standing[noun];
    const found: string[] = [];
    const stand = entries.filter(({ status }) => status === "created").length;
    if (created > 1) found.push(`doubled: its ${noun} was created ${created} times`);
    if (cancelled > 1) found.push(`doubled: its ${noun} was cancelled ${cancelled} times`);
    if (state === "none" && created > 0) found.push(`its ${noun} was created, and there is no saga`);
    if (state === "COMPLETED" && (stand !== 1 || cancelled > 0)) {
      found.push(`COMPLETED, and of its ${noun}s stand ${stand}, cancelled ${cancelled} times`);
    }
    if (state === "COMPENSATED" && (stand !== 0 || created !== cancelled)) {
      found.push(`COMPENSATED, and of its ${noun}s stand ${stand}; created ${created}, cancelled ${cancelled} times`);
    }
    return found;
  });
}

/** Whether each key had one effect, was that of the saga and step whose effect it was, and each saga was asked for. */
export function judgeBooks({ orders, payments }: Ledgers, known: ReadonlySet<string>): readonly Finding[] {
  return [[orders, "createOrder"] as const, [payments, "createPayment"] as const].flatMap(
    ([{ effects, effectsByKey, entries }, step]) => {
      const found: Finding[] = [];
      for (const [key, times] of effectsByKey) {
        if (times !== 1) found.push({ where: key, what: `doubled: ${times} effects under one idempotency key` });
      }
      for (const { key, method, requestId } of effects) {
        const right = `${requestId}/${step}${method === "cancel" ? "/compensate" : ""}`;
        if (key !== right) found.push({ where: key, what: `an effect (${method}) of ${requestId} bears this key` });
      }
      for (const { requestId } of entries) {
        if (!known.has(requestId))
          found.push({ where: requestId, what: "an effect, and nobody asked for such a saga" });
      }
      return found;
    },
  );
}
