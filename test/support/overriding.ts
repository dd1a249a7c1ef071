/** An object with some members replaced, or added. The others keep working on the object itself: it may be a class with private fields. */
export function overriding<Target extends object, Whole extends Target = Target>(
  target: Target,
  own: Partial<Whole>,
): Whole {
  const proxy = new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(own, key)) {
        return Reflect.get(own, key);
      }
      const member: unknown = Reflect.get(target, key, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  return proxy as Whole;
}
