import { Status, type StatusCode } from "../../runtime/core/status.js";
import type { UpstreamOutcome } from "../../runtime/engine/ports.js";
import type { Chance } from "../../runtime/testing/world/chance.js";
import type { DatabaseBehaviour } from "../../runtime/testing/world/database-behaviour.js";
import { actionKey, type Business, isCompensation } from "../../runtime/testing/world/ledger.js";
import type { ClusterBehaviour } from "../../runtime/testing/world/member.js";
import type { DiskBehaviour } from "../../runtime/testing/world/own-journal.js";
import type { Process } from "../../runtime/testing/world/process.js";
import type { Arrived, Attempt, Service, Travel } from "../../runtime/testing/world/upstreams.js";
import type { Scenario } from "./scenario.js";

/** All that goes wrong outside of the pods. */
export interface Weather {
  readonly travel: (attempt: Attempt) => Travel;
  readonly business: Business;
  /** Puts garbled answers between a service and the network. */
  garble(service: Service): Service;
  readonly disk: DiskBehaviour;
  readonly database: DatabaseBehaviour;
  readonly cluster: ClusterBehaviour;
}

const transient = [
  Status.UNAVAILABLE,
  Status.INTERNAL,
  Status.ABORTED,
  Status.UNKNOWN,
  Status.RESOURCE_EXHAUSTED,
  Status.CANCELLED,
  Status.DATA_LOSS,
  Status.DEADLINE_EXCEEDED,
];
const refusals = [Status.FAILED_PRECONDITION, Status.INVALID_ARGUMENT, Status.NOT_FOUND, Status.ALREADY_EXISTS];
const undoFailures = [Status.UNAVAILABLE, Status.FAILED_PRECONDITION, Status.INTERNAL, Status.INVALID_ARGUMENT];

/** What the weather knows of sagas. */
export interface Knowledge {
  /** What kind of step a path calls. */
  kindOf(path: string): string | undefined;
  /** Whether the journal says that a step, by its key, is done. */
  isDone(key: string): boolean;
}

/** Makes the weather of a run. @param now true time, ms  */
export function createWeather(
  chance: Chance,
  scenario: Scenario,
  now: () => number,
  isOver: () => boolean,
  { kindOf, isDone }: Knowledge,
): Weather {
  const calm = (site: string) => 0.2 + chance.roll(site) * 3;

  /** Whether a fault that lasts for a while is on. Where it begins and how long it lasts is fixed by its name. */
  function during(kind: string, name: string, probability: number, longestMs: number): boolean {
    if (isOver()) {
      return false;
    }
    const site = `window/${name}`;
    const key = `${kind}/${site}`;
    let window = spells.get(key);
    if (window === undefined) {
      const fromMs = chance.roll(`${key}/from`) * scenario.chaosMs * 0.6;
      const toMs = Math.min(fromMs + 50 + chance.roll(`${key}/lasts`) ** 2 * longestMs, scenario.chaosMs);
      window = { fromMs, toMs };
      spells.set(key, window);
    }
    const at = now();
    return at >= window.fromMs && at < window.toMs && once(kind, site, probability);
  }
  const spells = new Map<string, { readonly fromMs: number; readonly toMs: number }>();
  const windows = new Map<string, boolean>();
  function once(kind: string, site: string, probability: number): boolean {
    const name = `${kind}@${site}`;
    const known = windows.get(name) ?? chance.fault(kind, site, probability);
    windows.set(name, known);
    return known;
  }

  function fail(site: string, codes: readonly StatusCode[]): UpstreamOutcome {
    return { ok: false, code: chance.pick(`${site}/code`, codes), message: `upstream says no to ${site}` };
  }

  return {
    travel({ idempotencyKey, nth, timeoutMs, from }) {
      const site = `${idempotencyKey}#${nth}`;
      const [requestMs, answerMs] = [calm(`${site}/there`), calm(`${site}/back`)];
      if (during("cut-upstreams", from.name, 0.08, 3_000)) {
        return chance.roll(`${site}/cut`) < 0.5
          ? { requestMs: "lost" }
          : { requestMs: "lost", broken: { afterMs: 1, code: Status.UNAVAILABLE, message: "no connection" } };
      }
      if (chance.fault("request-lost", site, 0.05)) {
        return { requestMs: "lost" };
      }
      if (chance.fault("broken-before", site, 0.03)) {
        return { requestMs: "lost", broken: { afterMs: 2, code: Status.UNAVAILABLE, message: "connection reset" } };
      }
      if (chance.fault("answer-lost", site, 0.06)) {
        return { requestMs, answerMs: "lost" };
      }
      if (chance.fault("broken-after", site, 0.03)) {
        const code = chance.pick(`${site}/broken`, [Status.UNAVAILABLE, Status.INTERNAL, Status.CANCELLED]);
        return { requestMs, broken: { afterMs: requestMs + 1, code, message: "connection reset" } };
      }
      if (chance.fault("late-arrival", site, 0.05)) {
        return {
          requestMs: timeoutMs * (0.5 + chance.roll(`${site}/late`)) + chance.roll(`${site}/much`) ** 4 * 6_000,
        };
      }
      const slow = chance.fault("slow", site, 0.1) ? timeoutMs * chance.roll(`${site}/slow`) : 0;
      const copies = chance.fault("duplicate", site, 0.06)
        ? { againMs: chance.roll(`${site}/again`) ** 3 * 6_000 }
        : {};
      return { requestMs: requestMs + slow / 2, answerMs: answerMs + slow / 2, ...copies };
    },

    business({ attempt }: Arrived) {
      const { idempotencyKey: key, nth, path } = attempt;
      const site = `${key}#${nth}`;
      if (isCompensation(key)) {
        if (chance.fault("undo-fails-for-good", key, 0.05) || chance.fault("undo-fails", site, 0.1)) {
          // Of a step that is known to be done, that it is not found does not say that it is undone.
          return fail(site, isDone(actionKey(key)) ? [...undoFailures, Status.NOT_FOUND] : undoFailures);
        }
      } else {
        if (chance.fault("transient", site, 0.07)) {
          return fail(site, transient);
        }
        // What a pivot says no to, it must say no to again: it answers a repeat by its key.
        const kind = kindOf(path);
        const sticky = kind === "pivot" || (kind !== "retriable" && chance.roll(`${key}/sticky`) < 0.5);
        const refusalSite = sticky ? actionKey(key) : site;
        if (isRefused(refusalSite)) {
          return fail(refusalSite, refusals);
        }
      }
      return { ok: true, body: Buffer.from(JSON.stringify({ from: key })) };
    },

    garble(service) {
      return (arrived) => {
        const outcome = service(arrived);
        const { idempotencyKey, nth } = arrived.attempt;
        return outcome.ok && chance.fault("garbled", `${idempotencyKey}#${nth}`, 0.01)
          ? { ok: true, body: Buffer.from("!") }
          : outcome;
      };
    },

    disk: {
      commitMs: (nth) => 0.1 + chance.roll(`commit-${nth}`) * 2 + (chance.fault("slow-disk", `${nth}`, 0.01) ? 300 : 0),
      commitFate(nth) {
        if (during("disk-full", "disk", 0.08, 1_500) || chance.fault("commit-fails", `${nth}`, 0.01)) {
          return "lost";
        }
        return chance.fault("fsync-fails", `${nth}`, 0.01) ? "zombie" : "stored";
      },
      unreadable: (nth) => during("disk-unreadable", "disk", 0.04, 800) || chance.fault("read-fails", `${nth}`, 0.01),
      zombieRises: (nth) => chance.roll(`zombie-${nth}`) < 0.5,
    },

    database: {
      leaseMs: scenario.leaseMs,
      giveUpAfterMs: 2_500,
      wayMs: (site) => calm(site) / 2 + (chance.fault("slow-database", site, 0.01) ? 400 : 0),
      fate(site) {
        if (chance.fault("database-request-lost", site, 0.01)) {
          return "request-lost";
        }
        if (chance.fault("database-answer-lost", site, 0.015)) {
          return "answer-lost";
        }
        return chance.fault("database-late", site, 0.01) ? "late" : "ok";
      },
      lateMs: (site) => 200 + chance.roll(`${site}/late`) ** 2 * 6_000,
      noticeMs: (site) =>
        calm(site) + (chance.fault("late-notice", site, 0.05) ? chance.roll(`${site}/by`) * 3_000 : 0),
      away: (process: Process) =>
        during("database-away", "database", 0.08, 4_000) || during("cut-database", process.name, 0.12, 6_000),
    },

    cluster: {
      sessionTimeoutMs: 2_000,
      publishMs: (site) => calm(site),
      twice: (site) => chance.fault("published-twice", site, 0.04),
      away: (process: Process) =>
        during("cluster-away", "cluster", 0.08, 3_000) || during("cut-cluster", process.name, 0.1, 4_000),
    },
  };

  function isRefused(site: string): boolean {
    const known = windows.get(`refused@${site}`);
    const refused = known ?? chance.fault("refused", site, 0.06);
    // Kept beyond the time of faults: who said no says no again.
    windows.set(`refused@${site}`, refused);
    return refused;
  }
}
