// npm packs only what is below a package's folder. `prepack` copies the repository's files that belong to the package
// into its folder, and `postpack` removes the copies: node --import tsx ../scripts/package-files.ts copy|remove
import { cpSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

const files: Readonly<Record<string, readonly string[]>> = {
  generator: ["LICENSE"],
  // The documentation refers to the example, the example to generated code and to the protos.
  runtime: [
    ...["LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "bench/README.md", "deployment"],
    ...["proto/saga", "proto/booking", "examples", "generated"],
  ],
};

const [, , action] = process.argv;
const folder = process.cwd();
const packed = files[basename(folder)];
if (packed === undefined || (action !== "copy" && action !== "remove")) {
  throw new Error("usage, in generator/ or runtime/: package-files.ts copy|remove");
}
for (const file of packed) {
  if (action === "copy") {
    cpSync(join(folder, "..", file), join(folder, file), { recursive: true });
  } else {
    rmSync(join(folder, file.replace(/\/.*/, "")), { recursive: true, force: true });
  }
}
