// The generated async facade as a user gets it: journal and topics on one SQLite file.
import { runFacade } from "../support/facade.js";
import { readSetup } from "./side.js";

await runFacade(readSetup());
