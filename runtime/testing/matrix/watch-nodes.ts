import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { FacadeDefinition, StepDefinition } from "../../facade/definition.js";

/** What the user's code did while a case ran. */
export interface NodeWatch {
  /** How many answers of nodes are awaited: virtual time stands still until then, or nodes would seem to take for ever. */
  readonly pending: number;
  /** Resolves once one of them is there. */
  answered(): Promise<void>;
  /** How often each was called and threw nothing, by name: "createOrder.request". */
  readonly calls: ReadonlyMap<string, number>;
  /** "createOrder.compensate threw TypeError: …", each once. */
  readonly threw: readonly string[];
}

/** A facade whose nodes are watched, and held up where a crash is to come before they answer. */
export interface WatchedFacade {
  readonly facade: FacadeDefinition;
  readonly watch: NodeWatch;
}

/** How short the time of an attempt may be, ms: parallel steps differ by less. */
const shortestTimeoutMs = 1_000;

/**
 * The same facade, watched. Its deadline is left away and its shortest timeouts are lengthened: the matrix is about what
 * follows from what happens, not about how long it takes.
 * @param holdsUp whether nodes of a group (past the last one: `respond`) never answer
 */
export function watchNodes(facade: FacadeDefinition, holdsUp: (group: number) => boolean = () => false): WatchedFacade {
  const threw = new Set<string>();
  const calls = new Map<string, number>();
  const waiting: (() => void)[] = [];
  let pending = 0;

  function settle(): void {
    pending--;
    for (const wake of waiting.splice(0)) {
      wake();
    }
  }

  function watched<Args extends unknown[]>(name: string, code: (...args: Args) => unknown) {
    const note = (error: unknown) => {
      threw.add(`${name} threw ${inWords(error, facade.nodeFile)}`);
      throw error;
    };
    return (...args: Args): unknown => {
      let answer: unknown;
      try {
        answer = code(...args);
      } catch (error) {
        return note(error);
      }
      calls.set(name, (calls.get(name) ?? 0) + 1);
      if (!(answer instanceof Promise)) {
        return answer;
      }
      pending++;
      return answer.finally(settle).catch(note);
    };
  }

  function step(definition: StepDefinition): StepDefinition {
    const { name, node, timeoutMs, compensation } = definition;
    const held = holdsUp(definition.group);
    return {
      ...definition,
      timeoutMs: Math.max(timeoutMs, shortestTimeoutMs),
      ...(compensation === undefined
        ? {}
        : {
            compensation: { ...compensation, timeoutMs: Math.max(compensation.timeoutMs, shortestTimeoutMs) },
          }),
      node: {
        request: held ? never : watched(`${name}.request`, (context) => node.request(context)),
        compensate: watched(`${name}.compensate`, (context) => node.compensate?.(context)),
      },
    };
  }

  const { deadlineMs: _, ...rest } = facade;
  const answersLast = facade.mode !== "async";
  return {
    watch: {
      get pending() {
        return pending;
      },
      calls,
      get threw() {
        return [...threw];
      },
      answered: () => new Promise((resolve) => waiting.push(resolve)),
    },
    facade: {
      ...rest,
      steps: facade.steps.map(step),
      respond:
        answersLast && holdsUp(Number.POSITIVE_INFINITY)
          ? never
          : watched("respond", (context) => facade.respond(context)),
    },
  };
}

/** An error in one line, and where it was thrown: the first line of its stack that is in the node file, or the first of all. */
function inWords(error: unknown, nodeFile: URL): string {
  if (!(error instanceof Error)) {
    return String(error);
  }
  const frames = [...(error.stack ?? "").matchAll(/^\s+at (?:.*\()?(.+?:\d+):\d+\)?$/gm)].map(([, place = ""]) =>
    place.startsWith("file:") ? place.replace(/^file:.*(?=:\d+$)/, (url) => fileURLToPath(url)) : place,
  );
  const bare = fileURLToPath(nodeFile).replace(/\.[cm]?[jt]s$/, "");
  const place = frames.find((frame) => frame.startsWith(`${bare}.`)) ?? frames[0];
  return `${error.name}: ${error.message}${place === undefined ? "" : ` (${relative(".", place)})`}`;
}

function never(): Promise<never> {
  return new Promise(() => {});
}
