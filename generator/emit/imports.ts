import type { EmitOptions, Message } from "../model.js";
import { braces, hardLine, join, type Layout } from "./layout.js";
import { naturalOrder } from "./natural-order.js";
import { pbPath, specifier } from "./paths.js";
import type { Scope } from "./scope.js";

interface Binding {
  readonly name: string;
  readonly local: string;
  readonly typeOnly: boolean;
}

/** Collects the imports of one file while its text is created. */
export interface Imports {
  /** Imports from the package entry. Returns the local name. */
  runtime(name: string, kind?: "type" | "value"): string;
  /** Imports from another package. */
  package(from: string, name: string): string;
  /**
   * Imports from another generated file (relative to `out`, without extension). Returns the local name.
   * @param local a name that the scope already has; absent: the name, or a similar free one
   */
  generated(path: string, name: string, kind?: "type" | "value", local?: string): string;
  /** Imports a whole generated file under a name that the scope already has. */
  namespace(path: string, local: string): void;
  /** Imports a message, which is both its type and its codec. Returns the local name. */
  message(message: Message, kind?: "type" | "value"): string;
  /** The import statements, in the order that organizeImports wants. */
  layout(): Layout;
}

/** Creates the imports of the file at `path` (relative to `out`, without extension). */
export function createImports(path: string, scope: Scope, options: EmitOptions): Imports {
  const named = new Map<string, Map<string, Binding>>();
  const namespaces: { readonly from: string; readonly local: string }[] = [];
  const add = (from: string, name: string, kind: "type" | "value", given?: string): string => {
    const bindings = named.get(from) ?? new Map<string, Binding>();
    named.set(from, bindings);
    const known = bindings.get(name);
    const local = known?.local ?? given ?? scope.declare(name);
    bindings.set(name, { name, local, typeOnly: (known?.typeOnly ?? true) && kind === "type" });
    return local;
  };
  const generated: Imports["generated"] = (to, name, kind = "value", local) =>
    add(specifier(path, to, options), name, kind, local);
  return {
    runtime: (name, kind = "value") => add("protosaga", name, kind),
    package: (from, name) => add(from, name, "value"),
    generated,
    namespace: (to, local) => namespaces.push({ from: specifier(path, to, options), local }),
    message: (message, kind = "value") => generated(pbPath(message.file.path, options), message.typeName, kind),
    layout: () => {
      const statements = [
        ...namespaces.map(({ from, local }) => ({ from, text: `import * as ${local} from ${JSON.stringify(from)};` })),
        ...[...named].map(([from, bindings]) => ({ from, text: namedImport(from, [...bindings.values()]) })),
      ];
      return join(
        hardLine,
        statements.sort((a, b) => importOrder(a.from, b.from)).map(({ text }) => text),
      );
    },
  };
}

function namedImport(from: string, bindings: readonly Binding[]): Layout {
  const sorted = [...bindings].sort((a, b) => naturalOrder(a.name, b.name));
  const allTypes = sorted.every(({ typeOnly }) => typeOnly);
  const items = sorted.map(({ name, local, typeOnly }) => {
    const type = typeOnly && !allTypes ? "type " : "";
    return `${type}${name}${local === name ? "" : ` as ${local}`}`;
  });
  const [only, another] = items;
  // Formatters never break the braces around a single name.
  const list = only !== undefined && another === undefined ? `{ ${only} }` : braces(items);
  return [allTypes ? "import type " : "import ", list, ` from ${JSON.stringify(from)};`];
}

/** Packages before files. */
function importOrder(a: string, b: string): number {
  return Number(a.startsWith(".")) - Number(b.startsWith(".")) || naturalOrder(a, b);
}
