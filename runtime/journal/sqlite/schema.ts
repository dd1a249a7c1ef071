/** Marks an SQLite file as a journal: "saga" in ASCII. */
export const applicationId = 0x73616761;

/**
 * The journal's tables as steps, each run once, in this order: step n makes schema version n + 1 of version n. Forward
 * only: a step that was released never changes.
 */
const migrations: readonly string[] = [
  // A saga's first record is in its own row: the common short saga then needs one insert less.
  `
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
`,
  // Sagas are numbered in the order in which they begin, and later records are stored by these numbers: ids are random,
  // and records of the same time are written and removed together. The number is a column, since VACUUM may change a
  // rowid. `saga_ended` finds the sagas to remove.
  `
CREATE TABLE saga_new (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  facade TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  request BLOB NOT NULL,
  first_record BLOB NOT NULL,
  phase TEXT NOT NULL,
  answer BLOB,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
);
INSERT INTO saga_new SELECT
  rowid, id, facade, fingerprint, request, first_record, phase, answer, created_at_ms, ended_at_ms
FROM saga ORDER BY rowid;
CREATE TABLE entry (
  saga INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  record BLOB NOT NULL,
  PRIMARY KEY (saga, seq)
) WITHOUT ROWID;
INSERT INTO entry SELECT saga.rowid, record.seq, record.record
FROM saga CROSS JOIN record ON record.saga_id = saga.id ORDER BY saga.rowid, record.seq;
DROP TABLE record;
DROP TABLE saga;
ALTER TABLE saga_new RENAME TO saga;
CREATE INDEX saga_unfinished ON saga (phase) WHERE phase IN ('open', 'stuck');
CREATE INDEX saga_ended ON saga (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE VIEW record (saga_id, seq, record) AS
SELECT saga.id, entry.seq, entry.record FROM saga JOIN entry ON entry.saga = saga.number;
`,
];

/** The version of the tables above; a newer one is refused. */
export const schemaVersion = migrations.length;

/** The SQL that migrates a file to this version. @param from its version; 0 if it has no tables */
export function migration(from: number): string {
  return `BEGIN EXCLUSIVE; ${migrations.slice(from).join("\n")} PRAGMA user_version = ${schemaVersion}; COMMIT;`;
}
