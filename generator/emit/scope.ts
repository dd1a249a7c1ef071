import { isTaken } from "./names.js";

/** The names declared at the top level of one file. */
export interface Scope {
  /** Declares `name` as it is: for names that other files know. */
  reserve(name: string): void;
  /** Declares `name` where it is free, else "name_", "name_2" and so on; answers the name it got. */
  declare(name: string): string;
}

/** Makes a scope in which the given names are declared. */
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
