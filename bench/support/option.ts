/** An option that is a positive number. @throws Error with what is wrong */
export function positive(name: string, text: string): number {
  const number = Number(text);
  if (!(number > 0 && number < Number.POSITIVE_INFINITY)) throw new Error(`--${name} ${text}: not a positive number`);
  return number;
}

/** An option that is a whole positive number. @throws Error with what is wrong */
export function whole(name: string, text: string): number {
  const number = positive(name, text);
  if (!Number.isInteger(number)) throw new Error(`--${name} ${text}: not a whole number`);
  return number;
}

/** An option that is a list of whole positive numbers. @throws Error with what is wrong */
export function wholes(name: string, text: string): readonly number[] {
  return text.split(",").map((part) => whole(name, part));
}

/** An option that is a list of known names. @throws Error with what is wrong */
export function names<Name extends string>(option: string, text: string, known: readonly Name[]): readonly Name[] {
  const asked = text.split(",");
  const unknown = asked.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new Error(`--${option} ${text}: no ${unknown}; there are ${known.join(", ")}`);
  return known.filter((name) => asked.includes(name));
}
