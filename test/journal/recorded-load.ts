import { expect } from "vitest";
import { isSagaError } from "../../runtime/core/errors.js";
import type { Journal } from "../../runtime/journal/journal.js";
import { entry, firstEntry, numbersOf } from "./entries.js";

/** Writers that note what the journal returned, to be compared with what the journal holds. */
export interface RecordedLoad {
  /** How many entries were said to be stored so far. */
  acknowledged(): number;
  /** How many were refused with SAGA_JOURNAL_UNAVAILABLE. */
  refused(): number;
  stop(): Promise<void>;
  /**
   * Fails unless what was acknowledged is there, what was refused is there once or not, and nothing else is.
   * @param journal has the pod id of the one that was written to
   */
  check(journal: Journal): Promise<void>;
}

const entriesASaga = 4;

/** Writes sagas of some entries, each with a message that has the entry's name, until it is stopped. */
export function startLoad(journal: Journal, name: string, writers = 32): RecordedLoad {
  const attempted = new Map<string, number>();
  const said = new Set<string>();
  const refused = new Set<string>();
  const wrong: string[] = [];
  let stopping = false;

  async function attempt(id: string, seq: number): Promise<boolean> {
    attempted.set(id, seq);
    const messages = [{ topic: "t", key: id, body: `${id}/${seq}` }];
    try {
      const stored = await (seq === 0
        ? journal.create(firstEntry(id, { messages }))
        : journal.append(entry(id, seq, { messages })));
      if (stored === "exists" || stored[0]?.body !== `${id}/${seq}`) {
        wrong.push(`${id}/${seq}: ${JSON.stringify(stored)}`);
      }
      said.add(`${id}/${seq}`);
      return true;
    } catch (error) {
      if (!isSagaError(error) || error.code !== "SAGA_JOURNAL_UNAVAILABLE") wrong.push(`${id}/${seq}: ${error}`);
      refused.add(`${id}/${seq}`);
      return false;
    }
  }

  async function write(writer: number): Promise<void> {
    for (let number = 0; !stopping; number++) {
      const id = `${name}-${writer}-${number}`;
      for (let seq = 0; seq < entriesASaga && (await attempt(id, seq)); seq++);
    }
  }

  const running = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return {
    acknowledged: () => said.size,
    refused: () => refused.size,
    async stop() {
      stopping = true;
      await running;
    },
    async check(reader) {
      expect(wrong).toEqual([]);
      const stored: string[] = [];
      const read = async (id: string) => {
        const numbers = (await numbersOf(reader, id)) ?? [];
        expect(numbers, id).toEqual(numbers.map((_, at) => at));
        stored.push(...numbers.map((seq) => `${id}/${seq}`));
      };
      await Promise.all([...attempted.keys()].map(read));
      expect(
        [...said].filter((one) => !stored.includes(one)),
        "acknowledged, and lost",
      ).toEqual([]);
      expect(
        stored.filter((one) => !said.has(one) && !refused.has(one)),
        "stored, but by nobody",
      ).toEqual([]);
      const messages = (await reader.messages.pending()).map(({ body }) => body);
      expect(messages.sort(), "each entry has its message, once").toEqual([...stored].sort());
    },
  };
}
