//! Bare `rusqlite` on a copy of our file: the same rows in the same tables with the same indexes.
#![allow(dead_code, reason = "each bench uses a part")]

use std::hint::black_box;
use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

/// One document that is saved again and again.
struct Saved {
    key: Vec<u8>,
    id: String,
    version: i64,
    doc: serde_json::Value,
}

pub struct Rows {
    conn: Connection,
    saved: Vec<Saved>,
    position: i64,
}

pub fn version() -> &'static str {
    rusqlite::version()
}

impl Rows {
    /// Copies a file of ours, tables, indexes and rows.
    pub fn copy(ours: &Path, to: &Path) -> Self {
        let source = Connection::open(ours).unwrap();
        source.execute("VACUUM INTO ?", [to.to_str().unwrap()]).unwrap();
        let conn = Connection::open(to).unwrap();
        conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
        conn.pragma_update(None, "synchronous", "FULL").unwrap();
        let position = conn.query_row("SELECT max(position) FROM events", (), |row| row.get(0)).unwrap();
        let saved = conn
            .prepare("SELECT key, version, doc FROM users")
            .unwrap()
            .query_map((), |row| {
                let doc: String = row.get(2)?;
                let doc: serde_json::Value = serde_json::from_str(&doc).unwrap();
                let id = doc["_id"]["$uuid"].as_str().unwrap().to_owned();
                Ok(Saved { key: row.get(0)?, id, version: row.get(1)?, doc })
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        Self { conn, saved, position }
    }

    /// Every document is saved so many times, all of them in one transaction.
    pub fn saves(&mut self, times: usize) {
        for _ in 0..times {
            let transaction = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate).unwrap();
            for saved in &mut self.saved {
                self.position += 1;
                save(&transaction, saved, self.position);
            }
            transaction.prepare_cached("UPDATE earnorm_log SET \"end\" = ?").unwrap().execute([self.position]).unwrap();
            transaction.commit().unwrap();
        }
    }

    /// One document is saved, in a transaction of its own.
    pub fn save(&mut self, index: usize) {
        let transaction = rusqlite::Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate).unwrap();
        self.position += 1;
        save(&transaction, &mut self.saved[index], self.position);
        transaction.prepare_cached("UPDATE earnorm_log SET \"end\" = ?").unwrap().execute([self.position]).unwrap();
        transaction.commit().unwrap();
    }

    /// Reads the log, and gives how many rows it has.
    pub fn read(&self) -> usize {
        let sql = "SELECT position, stream, version, type, schema_version, data, metadata, recorded_at, id FROM events \
                   ORDER BY position";
        let mut read = self.conn.prepare_cached(sql).unwrap();
        let mut rows = read.query(()).unwrap();
        let mut count = 0;
        while let Some(row) = rows.next().unwrap() {
            let number = |place| row.get::<_, i64>(place).unwrap();
            black_box((number(0), number(2), number(4)));
            for place in [1, 3, 5, 6, 7, 8] {
                black_box(row.get::<_, Option<String>>(place).unwrap());
            }
            count += 1;
        }
        count
    }

    /// What an event and a document take in the file, beside their text.
    pub fn sizes(&self, rows: usize) -> String {
        let number = |sql: &str| self.conn.query_row(sql, (), |row| row.get::<_, f64>(0)).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "counts of rows are small")]
        let each = |bytes: f64| bytes / rows as f64;
        let pages = |of: &str| {
            each(number(&format!(
                "SELECT total(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_schema WHERE tbl_name = '{of}')"
            )))
        };
        let data = each(number("SELECT total(length(data) + length(coalesce(metadata, ''))) FROM events"));
        let doc = each(number("SELECT total(length(doc)) FROM users"));
        let all = each(number("SELECT total(pgsize) FROM dbstat"));
        format!(
            "an event takes {:.0} bytes in the file with its indexes, {data:.0} of them JSON; a document {:.0}, {doc:.0} of \
             them JSON; both with all indexes {all:.0}",
            pages("events"),
            pages("users"),
        )
    }
}

fn save(conn: &Connection, saved: &mut Saved, position: i64) {
    let visits = saved.version;
    saved.version += 1;
    let at = now();
    if let Some(fields) = saved.doc.as_object_mut() {
        fields["visits"] = visits.into();
        fields["_v"] = saved.version.into();
    }
    let mut update =
        conn.prepare_cached("UPDATE users SET version = ?, doc = ? WHERE key = ? AND version = ?").unwrap();
    let doc = saved.doc.to_string();
    assert_eq!(update.execute(params![saved.version, doc, saved.key, saved.version - 1]).unwrap(), 1);
    let data = serde_json::json!({ "changes": [{ "path": "visits", "old": visits - 1, "new": visits }] });
    let sql = "INSERT INTO events (position, stream, version, type, schema_version, data, metadata, recorded_at, id, \
               commit_id, commit_events) VALUES (?, ?, ?, 'user.updated', 1, ?, NULL, ?, ?, ?, 1)";
    let (stream, id, commit) = (format!("user-{}", saved.id), Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    conn.prepare_cached(sql)
        .unwrap()
        .execute(params![position, stream, saved.version, data.to_string(), at, id, commit])
        .unwrap();
}

fn now() -> String {
    bson::DateTime::now().try_to_rfc3339_string().unwrap()
}
