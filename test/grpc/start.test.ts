import { lookup } from "node:dns/promises";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import type { SagaService } from "../../runtime/facade/definition.js";
import { checkSagas } from "../../runtime/grpc/check-sagas.js";
import { startServer } from "../../runtime/grpc/server.js";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import { overriding } from "../support/overriding.js";
import { createScope } from "../support/scope.js";
import { book, startBookingServer } from "./support/booking-server.js";

const scope = createScope();

const upstreams = {
  "pb.OrderService": { address: "localhost:1" },
  "pb.PaymentService": { address: "localhost:1" },
};

function start(service: SagaService = bookingService, listen = "localhost:0", data = scope.tempDir()) {
  const config = { listen, data_dir: data, log_level: "silent" as const, upstreams };
  return startServer({ services: [service], config }).then((server) => scope.use(server));
}

describe("a todo", () => {
  /** The booking service as if its node file had this text. */
  function withNode(text: string): { readonly service: SagaService; readonly file: string } {
    const file = join(scope.tempDir(), "node.ts");
    writeFileSync(file, text);
    const facades = Object.entries(bookingService.facades).map(([name, facade]) => [
      name,
      // The definition has the name of the compiled file; the file on disk is what the loader reads.
      { ...facade, nodeFile: pathToFileURL(file.replace(/ts$/, "js")) },
    ]);
    return { service: { ...bookingService, facades: Object.fromEntries(facades) }, file };
  }

  test("stops the start, which names each with file, line and text, and changes nothing", async () => {
    const lines = [
      "import { todo } from 'protosaga';",
      'const a = todo("amount");',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the text of a file
      "const url = `https://${host}`, quote = /'/;",
      "f(1, todo ( 'it\\'s' ))",
      "",
    ];
    const { service, file } = withNode(lines.join("\r\n"));
    const data = scope.tempDir();
    const path = relative(".", file);
    await expect(start(service, "localhost:0", join(data, "new"))).rejects.toMatchObject({
      code: "SAGA_NODE_TODO",
      message: expect.stringMatching(
        new RegExp(`^SAGA_NODE_TODO: 2 todos .*\\n  ${path}:2: todo\\("amount"\\)\\n  ${path}:4: todo\\(.*it.*s.*\\)$`),
      ),
    });
    expect(existsSync(join(data, "new"))).toBe(false);
  });

  test("under the generator's other name for it, or with a text that is not written out, counts too", async () => {
    const lines = [
      "import { todo as todo_2 } from 'protosaga';",
      'const a = todo_2("amount");',
      "const b = todo_2(what);",
    ];
    const { service, file } = withNode(lines.join("\n"));
    const path = relative(".", file);
    await expect(start(service)).rejects.toMatchObject({
      message: expect.stringMatching(new RegExp(`${path}:2: todo\\("amount"\\)\\n  ${path}:3: todo\\("…"\\)$`)),
    });
  });

  test("in a comment or a string, or that is another function, does not count", async () => {
    const { service } = withNode(
      [
        '// todo("one")',
        '/* todo("two")\n todo("three") */',
        'const text = "say todo(\\"four\\")" + \'todo("five")\';',
        'not_todo("six"); todoList("seven"); list.todo("seven and a half"); function todo(x) {}',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the text of a file
        'const template = `todo("eight") ${"todo(\\"nine\\")"} // `;',
        'const pattern = /todo("ten")/;',
      ].join("\n"),
    );
    await start(service);
  });
});

test("an RPC that is no facade and has no handler stops the start", async () => {
  const { handleSyncBooking } = bookingService.facades;
  const facades = handleSyncBooking === undefined ? {} : { handleSyncBooking };
  const data = scope.tempDir();
  const looked: string[] = [];
  const openJournal = () => {
    const journal = openSqliteJournal(join(data, "journal.db"));
    const list: typeof journal.list = (phase) => {
      looked.push(phase);
      return journal.list(phase);
    };
    return overriding(journal, { list });
  };
  const config = { listen: "localhost:0", data_dir: data, log_level: "silent" as const, upstreams };
  const services = [{ ...bookingService, facades }];
  await expect(startServer({ services, config, journal: openJournal })).rejects.toMatchObject({
    code: "SAGA_DEFINITION_INVALID",
    message: expect.stringContaining("/pb.BookingService/HandleAsyncBooking is no facade and has no handler"),
  });
  expect(looked, "no saga was recovered").toEqual([]);
});

test("a service that is still the function that makes it stops the start, which says to call it", async () => {
  // TypeScript requires a service's members. Without types, nothing shows a user that this is a function.
  const { definition, facades, descriptors } = bookingService;
  const tripService = () => bookingService;
  const config = { listen: "localhost:0", data_dir: scope.tempDir(), log_level: "silent" as const, upstreams };
  const services = [Object.assign(tripService, { definition, facades, descriptors })];
  const refusal = {
    code: "SAGA_DEFINITION_INVALID",
    message: expect.stringContaining(
      "call it with the handlers of its RPCs that are no facades, as in `services: [tripService({",
    ),
  };
  await expect(startServer({ services, config })).rejects.toMatchObject(refusal);
  await expect(checkSagas({ services, config })).rejects.toMatchObject(refusal);
});

test("a service that is registered twice stops the start", async () => {
  const config = { listen: "localhost:0", data_dir: scope.tempDir(), log_level: "silent" as const, upstreams };
  await expect(startServer({ services: [bookingService, bookingService], config })).rejects.toMatchObject({
    code: "SAGA_DEFINITION_INVALID",
  });
});

describe("a port that is taken stops the start, which names it and changes nothing", () => {
  // On one of the two addresses of localhost only: half of the clients would reach the other server.
  test.each(["127.0.0.1", "::1"])("on %s", async (host) => {
    const taken = createServer();
    const listening = await new Promise<boolean>((resolve) => {
      taken.once("error", () => resolve(false));
      taken.listen({ port: 0, host }, () => resolve(true));
    });
    if (!listening) {
      return; // This machine has no addresses of that family.
    }
    scope.defer(() => taken.close());
    const at = taken.address();
    const port = typeof at === "object" && at !== null ? at.port : 0;
    const addresses = (await lookup("localhost", { all: true })).map(({ address }) => address);
    for (const name of addresses.includes(host) ? [host, "localhost"] : [host]) {
      const listen = `${name.includes(":") ? `[${name}]` : name}:${port}`;
      const data = join(scope.tempDir(), "new");
      await expect(start(bookingService, listen, data)).rejects.toMatchObject({
        code: "SAGA_LISTEN_FAILED",
        message: expect.stringContaining(`can't listen on ${listen}: the port is taken`),
      });
      expect(existsSync(data)).toBe(false);
    }
  });
});

test("two servers on one data directory: the second one does not start, and the first is not disturbed", async () => {
  const { client, journalFile } = await startBookingServer(scope);
  await expect(start(bookingService, "localhost:0", join(journalFile, ".."))).rejects.toMatchObject({
    code: "SAGA_JOURNAL_LOCKED",
  });
  expect(await book(client, { "x-request-id": "a" })).toMatchObject({ code: 0 });
});

test("a failed start closes everything that it opened", async () => {
  const data = scope.tempDir();
  const broken: SagaService = { ...bookingService, descriptors: "", facades: {} };
  await expect(start(broken, "localhost:0", data)).rejects.toMatchObject({ code: "SAGA_DEFINITION_INVALID" });
  await start(bookingService, "localhost:0", data);
});
