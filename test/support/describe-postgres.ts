import { describe } from "vitest";
import { postgresMissing } from "./postgres.js";

/**
 * Tests that need a PostgreSQL database: `PG_URL`, or a server that is started here. Skipped, loudly, if neither is
 * available.
 */
export const describePostgres = orSkip(process.env.PG_URL === undefined ? postgresMissing : undefined);

/** Tests that stop and start the server, which must not happen to `PG_URL`. Skipped, loudly, if none can be started. */
export const describePostgresServer = orSkip(postgresMissing);

function orSkip(why: string | undefined): (name: string, suite: () => void) => void {
  return (name, suite) => {
    if (why !== undefined) {
      process.stderr.write(`\n*** SKIPPED: ${name}: ${why}; set PG_URL or install PostgreSQL ***\n`);
    }
    describe.skipIf(why !== undefined)(name, suite);
  };
}
