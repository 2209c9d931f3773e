//! The tables of a file, and the marks by which it is known.

use rusqlite::Connection;

/// "EARN": what stands in the header of our files.
pub(super) const APPLICATION: i32 = 0x4541_524e;
/// The layout that this program reads and writes.
pub(super) const LAYOUT: i32 = 1;

/// All tables of an empty store. Those of collections and indexes come with the collections.
const TABLES: &str = r#"
-- The log. A position up to the end that has no row is a tombstone, unless it was truncated.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    type TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT,
    recorded_at TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    -- On the first event of a commit: its id, and how many events it has.
    commit_id TEXT,
    commit_events INTEGER,
    category TEXT GENERATED ALWAYS AS (substr(stream, 1, instr(stream, '-') - 1)) VIRTUAL,
    UNIQUE (stream, version)
);
CREATE INDEX earnorm_events_category ON events (category);
CREATE INDEX earnorm_events_commit ON events (commit_id) WHERE commit_id IS NOT NULL;
-- One row: where the log ends and begins, and how often the collections or their indexes changed.
CREATE TABLE earnorm_log (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    "end" INTEGER NOT NULL,
    truncated INTEGER NOT NULL,
    catalog INTEGER NOT NULL
);
INSERT INTO earnorm_log VALUES (1, 0, 0, 0);
-- Tombstones that a truncation kept.
CREATE TABLE earnorm_tombstones (position INTEGER PRIMARY KEY);
-- How far consumers are, and the last commit without events that wrote it.
CREATE TABLE earnorm_checkpoints (
    consumer TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    commit_id TEXT
) WITHOUT ROWID;
CREATE INDEX earnorm_checkpoints_commit ON earnorm_checkpoints (commit_id) WHERE commit_id IS NOT NULL;
-- Which table holds the documents of a collection.
CREATE TABLE earnorm_collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    "table" TEXT NOT NULL UNIQUE
);
-- The indexes as they were asked for. A unique one has its entries in the table `earnorm_unique_<id>`.
CREATE TABLE earnorm_indexes (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES earnorm_collections (id),
    spec TEXT NOT NULL
);
-- The paths under whose values documents are found, in the table `earnorm_lookup_<id>`.
CREATE TABLE earnorm_lookups (
    id INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL REFERENCES earnorm_collections (id),
    path TEXT NOT NULL,
    UNIQUE (collection, path)
);
"#;

/// Makes the tables of an empty store, within a transaction.
pub(super) fn create(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(TABLES)?;
    conn.pragma_update(None, "application_id", APPLICATION)?;
    conn.pragma_update(None, "user_version", LAYOUT)
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    //! Names that would be SQL.

    #[test]
    fn a_name_is_never_sql() {
        assert_eq!(super::quoted(r#"a"; DROP TABLE events; --"#), r#""a""; DROP TABLE events; --""#);
    }
}
