/** Names that generated files can't declare: reserved words, and names that strict mode or ES modules forbid. */
const reserved = new Set(
  (
    "arguments await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for function if implements import in instanceof interface let new null package private protected " +
    "public return static super switch this throw true try typeof undefined var void while with yield"
  ).split(" "),
);

/** Globals of the language and of generated code. Listed here because they differ between versions. */
const globals = new Set(
  (
    "AggregateError Array ArrayBuffer Atomics BigInt BigInt64Array BigUint64Array Boolean Buffer DataView Date Error " +
    "EvalError FinalizationRegistry Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array " +
    "Iterator JSON Map Math NaN Number Object Promise Proxy RangeError Readonly ReferenceError Reflect RegExp Set " +
    "SharedArrayBuffer String Symbol SyntaxError TypeError URIError URL Uint16Array Uint32Array Uint8Array " +
    "Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape " +
    "globalThis hasOwnProperty isFinite isNaN isPrototypeOf parseFloat parseInt propertyIsEnumerable toLocaleString " +
    "toString unescape valueOf"
  ).split(" "),
);

/** Whether a name is a reserved word. */
function isReserved(name: string): boolean {
  return reserved.has(name);
}

/** Whether a name can't be declared, or would hide a global. */
export function isTaken(name: string): boolean {
  return isReserved(name) || globals.has(name);
}

/**
 * The words of a proto name, split as grpc-js and ts-proto split the names of methods: "HTTPCall2" is HTTP, Call, 2.
 */
function words(name: string): string[] {
  return name.match(/^[a-z]+|[A-Z][a-z]+|[a-z]+|[0-9]+|[A-Z]+(?![a-z])/g) ?? [];
}

/** "HTTPCall" → "httpCall": the key of a method in ts-proto's service definition. */
export function methodKey(name: string): string {
  return words(name).reduce((key, word) => key + (key === "" ? word.toLowerCase() : capitalised(word)), "");
}

/** "HTTPCall" → "http-call" */
export function kebabCase(name: string): string {
  const kebab = words(name)
    .map((word) => word.toLowerCase())
    .join("-");
  return kebab || "unnamed";
}

/** "bookingService" → "BookingService" */
export function upperFirst(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The constant that a handler file exports: "BookingService" → "bookingService". */
export function handlerName(service: string): string {
  const name = methodKey(service);
  return isReserved(name) || !/^[a-z]/.test(name) ? `${name || "service"}_` : name;
}

/** `name`, or `"name"` if it is not a plain property name. */
export function propertyKey(name: string): string {
  return isPlain(name) ? name : JSON.stringify(name);
}

/** `.name`, or `["name"]`. */
export function access(name: string): string {
  return isPlain(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** `?.name`, or `?.["name"]`. */
export function optionalAccess(name: string): string {
  return isPlain(name) ? `?.${name}` : `?.[${JSON.stringify(name)}]`;
}

function isPlain(name: string): boolean {
  return /^[A-Za-z_$][\w$]*$/.test(name);
}

function capitalised(word: string): string {
  return upperFirst(word.toLowerCase());
}
