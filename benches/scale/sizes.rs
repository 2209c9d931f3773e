//! What a store takes on disk, table by table and index by index.

use std::path::Path;

use bson::{Bson, Document, doc};
use rusqlite::Connection;

use crate::harness::{Measured, Promise};

const MIB: f64 = 1024.0 * 1024.0;

/// A size in MiB.
pub fn row(store: &'static str, events: usize, name: &str, mib: f64) -> Measured {
    let mut measured = Measured::new(name, Promise::None("a size")).alone("MiB");
    measured.push_alone(mib);
    measured.point = Some((store, events));
    measured
}

/// The pages of each table and index that takes more than a hundredth of the file.
pub fn sqlite(events: usize, path: &Path) -> Vec<Measured> {
    let conn = Connection::open(path).unwrap();
    let sql = "SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE ORDER BY name";
    let mut found = conn.prepare(sql).unwrap();
    let found = found.query_map((), |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?))).unwrap();
    let found: Vec<_> = found.map(Result::unwrap).collect();
    let all: f64 = found.iter().map(|(_, bytes)| bytes).sum();
    let rows = found.iter().filter(|(_, bytes)| *bytes > all / 100.0);
    let mut rows: Vec<_> = rows.map(|(name, bytes)| row("sqlite", events, name, bytes / MIB)).collect();
    rows.push(row("sqlite", events, "the whole file", all / MIB));
    rows
}

/// The collections, compressed, and their indexes.
pub async fn mongo(events: usize, db: &mongodb::Database) -> Vec<Measured> {
    // Sizes are those of the last checkpoint.
    db.client().database("admin").run_command(doc! { "fsync": 1 }).await.unwrap();
    let mut rows = Vec::new();
    let mut all = 0.0;
    for name in ["earnorm_events", "accounts"] {
        let stats = db.run_command(doc! { "collStats": name }).await.unwrap();
        let mut add = |what: String, value: Option<&Bson>| {
            let bytes = number(value);
            all += bytes;
            rows.push(row("MongoDB", events, &what, bytes / MIB));
        };
        add(format!("{name}, compressed"), stats.get("storageSize"));
        let none = Document::new();
        for (index, size) in stats.get_document("indexSizes").unwrap_or(&none) {
            // That of a clustered collection is the collection.
            add(format!("{name}, index {index}"), Some(size));
        }
    }
    rows.push(row("MongoDB", events, "all of these", all / MIB));
    rows
}

fn number(value: Option<&Bson>) -> f64 {
    match value {
        Some(Bson::Int32(value)) => f64::from(*value),
        Some(Bson::Int64(value)) => *value as f64,
        Some(Bson::Double(value)) => *value,
        _ => 0.0,
    }
}
