// The generated async facade as a user gets it: journal and topics on one SQLite file.
import { runAsyncFacade } from "./async-facade.js";
import { readSetup } from "./side.js";

await runAsyncFacade(readSetup());
