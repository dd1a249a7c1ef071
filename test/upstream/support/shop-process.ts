// The shop as a process: `shop-process.ts sqlite FILE|postgres URL SCHEMA [before-commit|after-commit]`. It prints its port
// when it takes calls. With the last argument it dies by SIGKILL in the middle of its first call.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import Database from "libsql";
import pg from "pg";
import {
  type Barrier,
  type BarrierDriver,
  createBarrier,
  type EffectContext,
  guardService,
  loadedAnnotations,
  postgresDriver,
  sqliteDriver,
} from "protosaga/upstream";
import { loadShop, type ShopMessage, shopDefinition } from "./shop.js";

const [kind, place = "", ...more] = process.argv.slice(2);
const die = process.argv.at(-1);
const kill = () => process.kill(process.pid, "SIGKILL");

function dyingAfterCommit<Tx, Sync extends boolean>(driver: BarrierDriver<Tx, Sync>): Barrier<Tx, Sync> {
  const transaction: typeof driver.transaction = async (work) => {
    const result = await driver.transaction(work);
    if (die === "after-commit") kill();
    return result;
  };
  return createBarrier({ ...driver, transaction });
}

function serve<Tx, Sync extends boolean>(
  barrier: Barrier<Tx, Sync>,
  note: (tx: Tx, key: string, kind: string) => unknown,
) {
  const handler =
    (kind: string) =>
    ({ name }: ShopMessage, { tx, key = "" }: EffectContext<Tx>) => {
      const wrote = note(tx, key, kind);
      const answer = () => {
        if (die === "before-commit") kill();
        return { name: `${kind} ${name} by ${process.pid}` };
      };
      return (wrote instanceof Promise ? wrote.then(answer) : answer()) as ShopMessage;
    };
  const passing = () => {};
  const { definition, handlers } = guardService({
    barrier,
    definition: shopDefinition(),
    annotations: loadedAnnotations(loadShop()),
    effects: { Reserve: handler("do"), Hold: () => ({ hold_id: 1 }), Release: handler("undo"), Charge: handler("do") },
    others: { Look: passing, Rename: passing, Watch: passing, Collect: passing, Chat: passing },
  });
  const server = new Server();
  server.addService(definition, handlers);
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (_, port) => {
    process.stdout.write(`shop ready on ${port}\n`);
  });
}

if (kind === "sqlite") {
  const db = new Database(place, { timeout: 5000 });
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec("CREATE TABLE IF NOT EXISTS effects (number INTEGER PRIMARY KEY, key TEXT NOT NULL, kind TEXT NOT NULL)");
  const insert = db.prepare("INSERT INTO effects (key, kind) VALUES (?, ?)");
  serve(dyingAfterCommit(sqliteDriver(db)), (_, key, kind) => insert.run(key, kind));
} else {
  const pool = new pg.Pool({ connectionString: place, max: 4, options: `-c search_path=${more[0]}` });
  pool.on("error", () => {});
  const driver = postgresDriver(pool);
  await driver.createTable();
  serve(dyingAfterCommit(driver), (tx, key, kind) =>
    tx.query("INSERT INTO effects (key, kind) VALUES ($1, $2)", [key, kind]),
  );
}
