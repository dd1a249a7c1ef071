// The booking server, killed by SIGKILL at a chosen journal write: `<n> before|after`, counted from 1.
import { type Journal, openSqliteJournal, runServer } from "protosaga";
import { bookingService } from "../../generated/handler/booking/booking/booking-service.js";
import { overriding } from "../support/overriding.js";

const [at = "", when = ""] = process.argv.slice(2);

/** Counts writes, and dies just before, or just after, one of them is durable. */
function crashing(journal: Journal): Journal {
  let writes = 0;
  const dieIf = (moment: string, write: number) => {
    if (moment === when && write === Number(at)) {
      process.kill(process.pid, "SIGKILL");
    }
  };
  const around = <Entry, Result>(write: (entry: Entry) => Promise<Result>) => {
    return async (entry: Entry): Promise<Result> => {
      const mine = ++writes;
      dieIf("before", mine);
      const result = await write(entry);
      dieIf("after", mine);
      return result;
    };
  };
  return overriding(journal, {
    create: around((entry) => journal.create(entry)),
    append: around((entry) => journal.append(entry)),
  });
}

await runServer({
  args: [],
  name: "crashing server",
  services: [bookingService],
  journal: () => crashing(openSqliteJournal(`${process.env.SAGA_DATA_DIR}/journal.db`)),
});
