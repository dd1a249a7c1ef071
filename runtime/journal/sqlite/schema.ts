/** Marks an SQLite file as a journal of ours: "saga" in ASCII. */
export const applicationId = 0x73616761;

/** The version of the tables below. Forward only; a newer one is refused. */
export const schemaVersion = 1;

/** A saga's first record stands in its own row: the common short saga then needs one insert less. */
export const schema = `
CREATE TABLE saga (
  id TEXT NOT NULL PRIMARY KEY,
  facade TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  request BLOB NOT NULL,
  first_record BLOB NOT NULL,
  phase TEXT NOT NULL,
  answer BLOB,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
);
CREATE INDEX saga_unfinished ON saga (phase) WHERE phase IN ('open', 'stuck');
CREATE TABLE record (
  saga_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (saga_id, seq)
) WITHOUT ROWID;
CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  key TEXT NOT NULL,
  body TEXT NOT NULL,
  dead_reason TEXT
);
PRAGMA application_id = ${applicationId};
PRAGMA user_version = ${schemaVersion};
`;
