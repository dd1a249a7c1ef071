import { beforeEach, describe, expect, test } from "vitest";
import type { SharedJournal } from "../../runtime/journal/journal.js";
import { createScope, type Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import { entry, firstEntry } from "./entries.js";

/** Opens the journal of a pod; all journals of one test share their database. */
export type OpenShared = (podId: string) => Promise<SharedJournal>;

/** What every journal that several pods share must do. @param place makes room for a fresh database */
export function sharedConformance(name: string, place: (scope: Scope) => OpenShared): void {
  describe(`${name}, a shared journal`, () => {
    const scope = createScope();
    let open: OpenShared;
    beforeEach(() => {
      const opener = place(scope);
      open = async (podId) => scope.use(await opener(podId));
    });

    describe("watches a saga:", () => {
      let writer: SharedJournal;
      let pod: SharedJournal;
      beforeEach(async () => {
        [writer, pod] = await Promise.all([open("writer"), open("pod")]);
      });

      function watch(sagaId: string) {
        const seen = { calls: 0, stop: () => {} };
        seen.stop = pod.watch(sagaId, () => seen.calls++);
        return seen;
      }

      test("it reports once after the call, and after each entry of another server", async () => {
        const [made, unmade] = [watch("made"), watch("unmade")];
        await until(() => made.calls > 0 && unmade.calls > 0, { what: "the first reports" });
        let seq = 0;
        for (const write of [
          () => writer.create(firstEntry("made")),
          () => writer.append(entry("made", ++seq)),
          () => writer.append(entry("made", ++seq, { phase: "completed" })),
        ]) {
          const before = made.calls;
          await write();
          await until(() => made.calls > before, { what: `a report of entry ${seq}` });
        }
        expect(unmade.calls, "nothing happened to the other one").toBeLessThan(made.calls);
      });

      test("a removed saga's id, when it is used again, is reported too", async () => {
        await writer.create(firstEntry("s"));
        await writer.append(entry("s", 1, { phase: "completed" }));
        const seen = watch("s");
        await until(() => seen.calls > 0);
        const before = seen.calls;
        await writer.removeEnded(0, 10);
        await writer.create(firstEntry("s"));
        await until(() => seen.calls > before, { what: "a report of the new saga" });
      });

      test("every watch of it is served, until it stops; watching can begin again", async () => {
        const [one, two] = [watch("s"), watch("s")];
        await until(() => one.calls > 0 && two.calls > 0);
        one.stop();
        one.stop();
        const [ones, twos] = [one.calls, two.calls];
        await writer.create(firstEntry("s"));
        await until(() => two.calls > twos);
        expect(one.calls).toBe(ones);
        two.stop();
        const again = watch("s");
        await until(() => again.calls > 0);
        const before = again.calls;
        await writer.append(entry("s", 1));
        await until(() => again.calls > before);
        expect(two.calls).toBe(twos + 1);
      });

      test("a listener may stop itself, and watch again", async () => {
        let calls = 0;
        let stop = () => {};
        const again = () => {
          stop();
          if (++calls < 3) stop = pod.watch("s", again);
        };
        stop = pod.watch("s", again);
        await until(() => calls === 3);
      });

      test("many sagas at once, whatever their ids", async () => {
        const ids = ["no\0text", ...Array.from({ length: 400 }, (_, at) => `${at}:/._-é`.padEnd(120, "x"))];
        const seen = new Map(ids.map((id) => [id, watch(id)]));
        const real = ids.slice(1);
        await until(() => real.every((id) => (seen.get(id)?.calls ?? 0) > 0));
        const before = new Map(real.map((id) => [id, seen.get(id)?.calls ?? 0]));
        await Promise.all(real.map((id) => writer.create(firstEntry(id))));
        await until(() => real.every((id) => (seen.get(id)?.calls ?? 0) > (before.get(id) ?? 0)), { what: "all" });
      });

      test("a closed journal reports nothing", async () => {
        const seen = watch("s");
        await pod.close();
        const before = seen.calls;
        await writer.create(firstEntry("s"));
        const later = watch("s");
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect([seen.calls, later.calls]).toEqual([before, 0]);
      });
    });

    describe("hands over", () => {
      test("to the owner of an open saga, each message once however often it is asked", async () => {
        const pods = [await open("a"), await open("b"), await open("c")] as const;
        const got: string[] = [];
        const [stop] = pods.map((pod, at) => pod.onHandOver((saga, topic) => got.push(`${at}: ${saga} on ${topic}`)));
        for (const id of ["s", "mine", "done"]) await pods[0].create(firstEntry(id));
        await pods[0].append(entry("done", 1, { phase: "completed" }));
        await pods[1].append(entry("s", 1));
        for (const saga of ["s", "mine", "done", "nobody's"]) {
          await pods[2].handOver(saga, "create_order");
          await pods[2].handOver(saga, "create_order");
        }
        await until(() => got.length === 2, { what: "two messages" });
        expect(got.toSorted()).toEqual(["0: mine on create_order", "1: s on create_order"]);
        stop?.();
        await pods[2].handOver("mine", "t");
        await pods[2].handOver("s", "t");
        await until(() => got.length >= 3, { what: "the other one's" });
        expect(got.slice(2)).toEqual(["1: s on t"]);
      });

      test("to the next server with the owner's pod id, if that one is down", async () => {
        const [a, b] = [await open("a"), await open("b")];
        await a.create(firstEntry("s"));
        await a.close();
        await b.handOver("s", "t");
        const got: string[] = [];
        const again = await open("a");
        again.onHandOver((saga, topic) => got.push(`${saga} on ${topic}`));
        await until(() => got.length > 0);
        expect(got).toEqual(["s on t"]);
      });
    });

    test("knows who owns a saga: the pod that wrote last, or took it over", async () => {
      const [a, b] = [await open("a"), await open("b")];
      const owned = async (id: string) => [(await a.load(id))?.ownedHere, (await b.load(id))?.ownedHere];
      await a.create(firstEntry("s"));
      expect(await owned("s")).toEqual([true, false]);
      await b.append(entry("s", 1));
      expect(await owned("s")).toEqual([false, true]);
      await b.release([]);
      expect(await owned("s"), "given up").toEqual([false, false]);
      expect((await a.takeOver([firstEntry("s").fingerprint], 10)).sagaIds).toEqual(["s"]);
      expect((await a.loadMany(["s"])).map(({ ownedHere }) => ownedHere)).toEqual([true]);
      await a.close();
      expect((await (await open("a")).load("s"))?.ownedHere, "a restart keeps the pod id").toBe(true);
    });
  });
}
