// The generated facades as a user gets them: journal and topics on one SQLite file.
import { runFacade } from "../support/facade.js";
import { readSetup } from "./side.js";

await runFacade(readSetup());
