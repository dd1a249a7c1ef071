/**
 * Names that no `const` of a module can have, or that TypeScript refuses there. An identifier of generated code gets
 * an underscore behind it where it would be one of these.
 */
const reservedWords: ReadonlySet<string> = new Set(
  (
    "arguments as async await break case catch class const continue debugger default delete do else enum eval export " +
    "extends false finally for function globalThis if implements import in instanceof interface let new null package " +
    "private protected public return static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);

/**
 * Names that a key of `results` and of `Nodes` can't have. `then` would make the object a promise to `await`; the key of
 * a step `compensate` in the saga `a/b` would be that of the compensation of `b` in the saga `a`.
 */
const reservedStepNames: ReadonlySet<string> = new Set([
  "respond",
  "compensate",
  "constructor",
  "hasOwnProperty",
  "isPrototypeOf",
  "propertyIsEnumerable",
  "then",
  "toJSON",
  "toLocaleString",
  "toString",
  "valueOf",
]);

/** `name`, or `name_` where generated code can't export it. */
export function identifierOf(name: string): string {
  return reservedWords.has(name) ? `${name}_` : name;
}

/** Whether a step may not have that name. */
export function isReservedStepName(name: string): boolean {
  return reservedStepNames.has(name);
}
