import { isTaken } from "./names.js";

/** The names declared at the top level of one file. */
export interface Scope {
  /** Declares `name` unchanged: for names that other files use. */
  reserve(name: string): void;
  /** Declares `name` if it is free, else "name_", "name_2" and so on. Returns the declared name. */
  declare(name: string): string;
}

/** Creates a scope with the given names. */
export function createScope(names: Iterable<string> = []): Scope {
  const declared = new Set(names);
  return {
    reserve: (name) => declared.add(name),
    declare: (name) => {
      let free = isTaken(name) ? `${name}_` : name;
      for (let count = 2; declared.has(free); count += 1) {
        free = `${name}_${count}`;
      }
      declared.add(free);
      return free;
    },
  };
}
