import type { Book, LedgerEntry, Ledgers } from "../../test/support/ledger-reader.js";
import type { SagaSeen } from "./saga-seen.js";

/** One violation of a guarantee. */
export interface Finding {
  /** The saga's id, or the idempotency key. */
  readonly where: string;
  readonly what: string;
}

/** A saga's effects in one ledger. */
interface ServiceEffects {
  readonly entries: readonly LedgerEntry[];
  readonly created: number;
  readonly cancelled: number;
}

/** A saga's effects in both ledgers. */
export interface SagaEffects {
  readonly order: ServiceEffects;
  readonly payment: ServiceEffects;
}

/** Groups both ledgers by saga id. */
export function effectsOf({ orders, payments }: Ledgers): (id: string) => SagaEffects {
  const [order, payment] = [bySaga(orders), bySaga(payments)];
  return (id) => ({ order: order(id), payment: payment(id) });
}

function bySaga({ entries, effects }: Book): (id: string) => ServiceEffects {
  const sagas = new Map<string, { entries: LedgerEntry[]; created: number; cancelled: number }>();
  const saga = (id: string) => {
    const found = sagas.get(id) ?? { entries: [], created: 0, cancelled: 0 };
    sagas.set(id, found);
    return found;
  };
  for (const entry of entries) saga(entry.requestId).entries.push(entry);
  for (const { method, requestId } of effects) saga(requestId)[method === "create" ? "created" : "cancelled"] += 1;
  return saga;
}

/** Checks that a COMPLETED saga has both its effects, and that any other has none. @returns what is wrong */
export function judgeLedger({ state }: SagaSeen, effects: SagaEffects): string[] {
  return (["order", "payment"] as const).flatMap((noun) => {
    const { entries, created, cancelled } = effects[noun];
    const found: string[] = [];
    const active = entries.filter(({ status }) => status === "created").length;
    if (created > 1) found.push(`doubled: its ${noun} was created ${created} times`);
    if (cancelled > 1) found.push(`doubled: its ${noun} was cancelled ${cancelled} times`);
    if (state === "none" && created > 0) found.push(`its ${noun} was created, and no server has the saga`);
    if (state === "COMPLETED" && (active !== 1 || cancelled > 0)) {
      found.push(`COMPLETED with ${active} active ${noun}s; created ${created}, cancelled ${cancelled} times`);
    }
    if (state === "COMPENSATED" && (active !== 0 || created !== cancelled)) {
      found.push(`COMPENSATED with ${active} active ${noun}s; created ${created}, cancelled ${cancelled} times`);
    }
    return found;
  });
}

/**
 * Checks that each idempotency key has one effect and belongs to the saga and step of that effect, and that a client
 * requested each saga with an effect.
 */
export function judgeBooks({ orders, payments }: Ledgers, known: ReadonlySet<string>): readonly Finding[] {
  return [[orders, "createOrder"] as const, [payments, "createPayment"] as const].flatMap(
    ([{ effects, effectsByKey, entries }, step]) => {
      const found: Finding[] = [];
      for (const [key, times] of effectsByKey) {
        if (times !== 1) found.push({ where: key, what: `doubled: ${times} effects under one idempotency key` });
      }
      for (const { key, method, requestId } of effects) {
        const right = `${requestId}/${step}${method === "cancel" ? "/compensate" : ""}`;
        if (key !== right) found.push({ where: key, what: `an effect (${method}) of ${requestId} has this key` });
      }
      for (const { requestId } of entries) {
        if (!known.has(requestId))
          found.push({ where: requestId, what: "an effect of a saga that no client requested" });
      }
      return found;
    },
  );
}
