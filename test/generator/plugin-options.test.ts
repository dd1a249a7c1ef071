import { expect, test } from "vitest";
import { parseOptions } from "../../generator/options.js";

test("defaults", () => {
  const options = { stubsDir: "generated/node", pb: "pb", importExtension: "js", cache: true, spec: "none" };
  expect(parseOptions("stubs_dir=generated/node")).toEqual({ options, errors: [] });
  expect(parseOptions("stubs_dir=generated/node/,")).toEqual({ options, errors: [] });
});

test("every option is read", () => {
  expect(
    parseOptions("stubs_dir=a=b, pb=../pb/,import_extension=none,cache=false,against=old.binpb,spec=node"),
  ).toEqual({
    options: {
      stubsDir: "a=b",
      pb: "../pb",
      importExtension: "none",
      cache: false,
      spec: "node",
      against: "old.binpb",
    },
    errors: [],
  });
  expect(parseOptions("stubs_dir=/,import_extension=ts,cache=true,spec=vitest").options).toMatchObject({
    stubsDir: "/",
    importExtension: "ts",
    cache: true,
    spec: "vitest",
  });
});

test("all errors are reported together", () => {
  expect(parseOptions("stub_dir=a,import_extension=cjs,cache=1,spec=jest,pb=,pb=x,target=js,lonely")).toEqual({
    errors: [
      'SAGA_OPTION_INVALID: invalid option "stub_dir=a": unknown option; known options: stubs_dir, pb, import_extension, cache, against, spec',
      'SAGA_OPTION_INVALID: invalid option "import_extension=cjs": must be one of js, ts, none',
      'SAGA_OPTION_INVALID: invalid option "cache=1": must be true or false',
      'SAGA_OPTION_INVALID: invalid option "spec=jest": must be one of none, vitest, node',
      'SAGA_OPTION_INVALID: invalid option "pb=": missing value',
      'SAGA_OPTION_INVALID: invalid option "pb=x": set twice',
      'SAGA_OPTION_INVALID: invalid option "target=js": unknown option; known options: stubs_dir, pb, import_extension, cache, against, spec',
      'SAGA_OPTION_INVALID: invalid option "lonely": unknown option; known options: stubs_dir, pb, import_extension, cache, against, spec',
      "SAGA_OPTION_MISSING: missing option stubs_dir, the folder of the node files to keep; " +
        "add `opt: stubs_dir=<out>/node`, with this plugin's out",
    ],
  });
});

test("an empty stubs_dir is no directory", () => {
  expect(parseOptions("stubs_dir=").errors).toEqual([
    'SAGA_OPTION_INVALID: invalid option "stubs_dir=": missing value',
  ]);
});
