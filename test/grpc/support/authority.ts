import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate and its key, as files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** An authority and the certificates that it signs, as files. */
export function createAuthority(folder: string) {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const ca = join(folder, "ca.pem");
  openssl("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", ca, "-days", "2", "-subj", "/CN=test authority");
  writeFileSync(join(folder, "extensions"), "subjectAltName=DNS:localhost");
  return {
    ca,
    issue(name: string): Pair {
      const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
      openssl("req", ...newKey, "-keyout", key, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      const by = ["-CA", ca, "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions"];
      openssl("x509", "-req", "-in", `${name}.csr`, ...by, "-out", cert);
      return { cert, key };
    },
  };
}
