import { join } from "node:path";
import { openSqliteJournal } from "../../runtime/journal/sqlite/journal.js";
import type { Scope } from "../support/scope.js";
import { journalConformance, type OpenJournal } from "./conformance.js";
import { idleConformance } from "./idle-conformance.js";
import { inFlightConformance } from "./in-flight-conformance.js";
import { messageConformance } from "./message-conformance.js";
import { removalConformance } from "./removal-conformance.js";

function place(scope: Scope): OpenJournal {
  const path = join(scope.tempDir(), "journal.db");
  return () => openSqliteJournal(path);
}

journalConformance("SQLite", place);
messageConformance("SQLite", place);
removalConformance("SQLite", place);
inFlightConformance("SQLite", place);
idleConformance("SQLite", place);
