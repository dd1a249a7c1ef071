/**
 * The words of a name in lower case: `HandleASyncBooking` → handle, a, sync, booking; `GetURL2_x` → get, url2, x.
 */
function wordsOf(name: string): readonly string[] {
  const words = name.match(/[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+/g) ?? [];
  return words.map((word) => word.toLowerCase());
}

/** `CreateOrder` → `createOrder` */
export function lowerCamelCase(name: string): string {
  return wordsOf(name)
    .map((word, position) => (position === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join("");
}

/** `CreateOrder` → `create_order` */
export function lowerSnakeCase(name: string): string {
  return wordsOf(name).join("_");
}
