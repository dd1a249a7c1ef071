/** The problems found during a run. */
export interface Problems {
  /** @param where a saga's id or a process's name */
  add(where: string, what: string): void;
  readonly list: readonly string[];
}

/** Creates an empty list. @param onProblem called with each problem */
export function createProblems(onProblem: (line: string) => void): Problems {
  const list: string[] = [];
  return {
    add(where, what) {
      const line = `${where}: ${what}`;
      list.push(line);
      onProblem(line);
    },
    list,
  };
}
