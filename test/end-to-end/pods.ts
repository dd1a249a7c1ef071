import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { BookingServiceClient } from "../../generated/pb/booking/booking.js";
import { type SagaRow, type SeenSaga, toSeen } from "../engine/support/journal-file.js";
import { type Answer, type BookingOptions, bookWith } from "../support/book.js";
import { freePort } from "../support/free-port.js";
import { dropSchema, freshSchema, postgresUrl, runSql } from "../support/postgres.js";
import type { RunningProcess } from "../support/process.js";
import type { Scope } from "../support/scope.js";
import { until } from "../support/until.js";
import type { Place } from "./booking.js";

/** One of several servers on one journal and one Kafka. */
export interface Pod {
  readonly env: Readonly<Record<string, string>>;
  /** Starts it, again after it was killed. @param aheadMs what its clock is ahead of the true time */
  start(aheadMs?: number): Promise<RunningProcess>;
  book(requestId: string, options?: BookingOptions): Promise<Answer>;
}

/** Several servers that share everything. */
export interface Pods {
  /** Makes a pod, not yet started: of the example's main program unless told otherwise. */
  pod(name: string, file?: string): Promise<Pod>;
  /** How many sagas have not ended. */
  open(): Promise<number>;
  /** What the journal says of a saga. */
  saga(id: string): Promise<SeenSaga | undefined>;
  /** Which pods wrote last to how many sagas. */
  owners(): Promise<ReadonlyMap<string, number>>;
  /** Which pods there ever were. */
  pods(): Promise<readonly string[]>;
}

/** How long a pod of a test may be silent, ms. */
export const leaseMs = 2_000;

/** Makes the journal that pods share; they use the place's upstreams. */
export async function createPods(scope: Scope, place: Place): Promise<Pods> {
  const url = await postgresUrl();
  const schema = freshSchema();
  scope.defer(() => dropSchema(schema));
  return {
    async pod(name, file = "examples/booking/main.ts") {
      const port = await freePort();
      const client = scope.use(new BookingServiceClient(`localhost:${port}`, credentials.createInsecure()));
      const env = {
        ...place.env,
        POD_ID: name,
        SAGA_LISTEN: `localhost:${port}`,
        SAGA_DATA_DIR: join(place.data, name),
        SAGA_JOURNAL_KIND: "postgres",
        SAGA_JOURNAL_POSTGRES_URL: url,
        SAGA_JOURNAL_POSTGRES_SCHEMA: schema,
        SAGA_JOURNAL_POSTGRES_LEASE_MS: String(leaseMs),
        BOOKING_UPSTREAMS: "external",
      };
      return {
        env,
        async start(aheadMs = 0) {
          const nodeOptions = aheadMs === 0 ? [] : [`--import=${clockAhead(aheadMs)}`];
          const process = scope.start(file, { env, nodeOptions });
          await process.line(`ready on localhost:${port}`);
          return process;
        },
        book: (requestId, options) => bookWith(client, requestId, options),
      };
    },
    async open() {
      const rows = await runSql<{ open: string }>(
        url,
        `SELECT count(*) AS open FROM "${schema}".saga WHERE phase IN ('open', 'stuck')`,
      );
      return Number(rows[0]?.open);
    },
    async saga(id) {
      const [saga] = await runSql<SagaRow>(url, `SELECT * FROM "${schema}".saga WHERE id = $1`, [id]);
      const later = `SELECT record FROM "${schema}".record WHERE saga_id = $1 ORDER BY seq`;
      return (
        saga &&
        toSeen(
          saga,
          (await runSql<{ record: Buffer }>(url, later, [id])).map(({ record }) => record),
        )
      );
    },
    async owners() {
      const rows = await runSql<{ owner: string; sagas: string }>(
        url,
        `SELECT owner, count(*) AS sagas FROM "${schema}".saga GROUP BY owner`,
      );
      return new Map(rows.map(({ owner, sagas }) => [owner, Number(sagas)]));
    },
    async pods() {
      return (await runSql<{ id: string }>(url, `SELECT id FROM "${schema}".pod`)).map(({ id }) => id);
    },
  };
}

/** Waits until all sagas have ended. */
export function allEnded(pods: Pods): Promise<unknown> {
  return until(async () => (await pods.open()) === 0, { what: "all sagas to end", timeoutMs: 120_000 });
}

/** A module that sets the clock of the process that imports it. */
function clockAhead(ms: number): string {
  const code = `const True = Date;
    globalThis.Date = class Date extends True {
      constructor(...given) { given.length === 0 ? super(True.now() + ${ms}) : super(...given); }
      static now() { return True.now() + ${ms}; }
    };`;
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
