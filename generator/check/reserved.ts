/**
 * Names that JavaScript or TypeScript forbids for a `const` of a module. Generated code appends an underscore to such an
 * identifier.
 */
const reservedWords: ReadonlySet<string> = new Set(
  (
    "arguments as async await break case catch class const continue debugger default delete do else enum eval export " +
    "extends false finally for function globalThis if implements import in instanceof interface let new null package " +
    "private protected public return static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);

/**
 * Names that a key of `results` and `Nodes` must not have. `then` would make the object a promise for `await`. A step
 * `compensate` of the saga `a/b` would have the idempotency key of the compensation of `b` in the saga `a`.
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

/** `name`, or `name_` if generated code can't export it. */
export function identifierOf(name: string): string {
  return reservedWords.has(name) ? `${name}_` : name;
}

/** Whether a step must not have that name. */
export function isReservedStepName(name: string): boolean {
  return reservedStepNames.has(name);
}
