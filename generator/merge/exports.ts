import type { ts } from "ts-morph";
import type { Compiler, ParsedStub } from "./parse.js";

/** An export of a node file. */
export interface Exported {
  readonly name: string;
  readonly at: number;
  /** "x" if its type is `Nodes["x"]`, whatever local name the file uses for `Nodes`. */
  readonly node?: string;
}

/** The top-level declarations and exports of a node file. */
export interface Located {
  readonly exported: readonly Exported[];
  /** All declared names, including imports and types. */
  readonly declared: ReadonlySet<string>;
  /** The names declared as values, exported or not. */
  readonly values: ReadonlyMap<string, number>;
  /** The modules of `export * from`. */
  readonly stars: readonly { readonly module: string; readonly at: number }[];
}

/** Finds what a parsed node file exports. */
export function locate(stub: ParsedStub, compiler: Compiler): Located {
  const exported: Exported[] = [];
  const declared = new Set<string>();
  const values = new Map<string, number>();
  const stars: { module: string; at: number }[] = [];
  const declare = (name: ts.Identifier, isValue: boolean, isExported: boolean, node?: string): void => {
    const at = name.getStart();
    declared.add(name.text);
    if (isValue) {
      values.set(name.text, at);
    }
    if (isValue && isExported) {
      exported.push({ name: name.text, at, ...(node === undefined ? {} : { node }) });
    }
  };
  for (const statement of stub.statements) {
    const isExported = hasExport(statement, compiler);
    if (compiler.isVariableStatement(statement)) {
      for (const { name, type } of statement.declarationList.declarations) {
        const node = type && annotatedNode(type, compiler);
        for (const bound of boundNames(name, compiler)) {
          declare(bound, true, isExported, compiler.isIdentifier(name) ? node : undefined);
        }
      }
    } else if (compiler.isFunctionDeclaration(statement) || compiler.isClassDeclaration(statement)) {
      const isDefault = statement.modifiers?.some(({ kind }) => kind === compiler.SyntaxKind.DefaultKeyword) ?? false;
      if (statement.name) {
        declare(statement.name, true, isExported && !isDefault);
      }
    } else if (compiler.isEnumDeclaration(statement)) {
      declare(statement.name, true, isExported);
    } else if (compiler.isModuleDeclaration(statement) && compiler.isIdentifier(statement.name)) {
      declare(statement.name, true, isExported);
    } else if (compiler.isInterfaceDeclaration(statement) || compiler.isTypeAliasDeclaration(statement)) {
      declare(statement.name, false, isExported);
    } else if (compiler.isImportEqualsDeclaration(statement)) {
      declare(statement.name, true, isExported);
    } else if (compiler.isImportDeclaration(statement)) {
      for (const name of importedNames(statement, compiler)) {
        declare(name, true, false);
      }
    } else if (compiler.isExportDeclaration(statement) && !statement.isTypeOnly) {
      const { exportClause, moduleSpecifier } = statement;
      if (!exportClause && moduleSpecifier && compiler.isStringLiteral(moduleSpecifier)) {
        stars.push({ module: moduleSpecifier.text, at: statement.getStart() });
      } else if (exportClause && compiler.isNamespaceExport(exportClause)) {
        exported.push({ name: exportClause.name.text, at: exportClause.name.getStart() });
      } else if (exportClause && compiler.isNamedExports(exportClause)) {
        for (const { name, isTypeOnly } of exportClause.elements) {
          if (!isTypeOnly) {
            exported.push({ name: name.text, at: name.getStart() });
          }
        }
      }
    }
  }
  return { exported, declared, values, stars };
}

function hasExport(statement: ts.Statement, compiler: Compiler): boolean {
  const modifiers = compiler.canHaveModifiers(statement) ? compiler.getModifiers(statement) : undefined;
  return modifiers?.some(({ kind }) => kind === compiler.SyntaxKind.ExportKeyword) ?? false;
}

function boundNames(name: ts.BindingName, compiler: Compiler): ts.Identifier[] {
  if (compiler.isIdentifier(name)) {
    return [name];
  }
  return name.elements.flatMap((element) =>
    compiler.isOmittedExpression(element) ? [] : boundNames(element.name, compiler),
  );
}

function importedNames({ importClause }: ts.ImportDeclaration, compiler: Compiler): ts.Identifier[] {
  const bindings = importClause?.namedBindings;
  return [
    ...(importClause?.name ? [importClause.name] : []),
    ...(bindings && compiler.isNamespaceImport(bindings) ? [bindings.name] : []),
    ...(bindings && compiler.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name) : []),
  ];
}

/** "x" of `Nodes["x"]`. */
function annotatedNode(type: ts.TypeNode, compiler: Compiler): string | undefined {
  if (!compiler.isIndexedAccessTypeNode(type) || !compiler.isTypeReferenceNode(type.objectType)) {
    return undefined;
  }
  const index = type.indexType;
  return compiler.isLiteralTypeNode(index) && compiler.isStringLiteral(index.literal) ? index.literal.text : undefined;
}
