/** What must not be, collected while the run goes on. */
export interface Problems {
  /** @param where a saga's id or a process's name */
  add(where: string, what: string): void;
  readonly list: readonly string[];
}

/** Nothing wrong so far. @param onFirst called once, with the first */
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
