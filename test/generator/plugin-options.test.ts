import { expect, test } from "vitest";
import { parseOptions } from "../../generator/options.js";

test("defaults", () => {
  const options = { stubsDir: "generated/node", pb: "pb", importExtension: "js", cache: true };
  expect(parseOptions("stubs_dir=generated/node")).toEqual({ options, errors: [] });
  expect(parseOptions("stubs_dir=generated/node/,")).toEqual({ options, errors: [] });
});

test("every option is read", () => {
  expect(parseOptions("stubs_dir=a=b, pb=../pb/,import_extension=none,cache=false,against=old.binpb")).toEqual({
    options: { stubsDir: "a=b", pb: "../pb", importExtension: "none", cache: false, against: "old.binpb" },
    errors: [],
  });
  expect(parseOptions("stubs_dir=/,import_extension=ts,cache=true").options).toMatchObject({
    stubsDir: "/",
    importExtension: "ts",
    cache: true,
  });
});

test("all mistakes come at once", () => {
  expect(parseOptions("stub_dir=a,import_extension=cjs,cache=1,pb=,pb=x,target=js,lonely")).toEqual({
    errors: [
      'SAGA_OPTION_INVALID: invalid option "stub_dir=a": unknown option; the plugin knows stubs_dir, pb, import_extension, cache, against',
      'SAGA_OPTION_INVALID: invalid option "import_extension=cjs": must be one of js, ts, none',
      'SAGA_OPTION_INVALID: invalid option "cache=1": must be true or false',
      'SAGA_OPTION_INVALID: invalid option "pb=": no value',
      'SAGA_OPTION_INVALID: invalid option "pb=x": given twice',
      'SAGA_OPTION_INVALID: invalid option "target=js": unknown option; the plugin knows stubs_dir, pb, import_extension, cache, against',
      'SAGA_OPTION_INVALID: invalid option "lonely": unknown option; the plugin knows stubs_dir, pb, import_extension, cache, against',
      "SAGA_OPTION_MISSING: the plugin doesn't know where the node stubs lie that it must keep; " +
        "add `opt: stubs_dir=<out>/node`, where <out> is this plugin's out",
    ],
  });
});

test("an empty stubs_dir is no directory", () => {
  expect(parseOptions("stubs_dir=").errors).toEqual(['SAGA_OPTION_INVALID: invalid option "stubs_dir=": no value']);
});
