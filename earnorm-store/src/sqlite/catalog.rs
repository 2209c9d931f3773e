//! Which collections there are, in which tables their documents stand, and which indexes they have.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bson::{Bson, Document, doc};
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::IndexSpec;
use rusqlite::Connection;

use super::error::{Done, corrupt};
use super::json;
use super::schema::quoted;
use crate::documents::index::covers;

/// The collections by name, as of one number of `earnorm_log.catalog`.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    collections: HashMap<String, Arc<Collection>>,
}

/// One collection.
#[derive(Debug, Clone)]
pub(super) struct Collection {
    pub(super) id: i64,
    /// As a person reads it.
    pub(super) table_name: String,
    /// As SQL writes it.
    pub(super) table: String,
    /// Statements of every write.
    pub(super) select: String,
    pub(super) put: String,
    pub(super) update: String,
    /// The indexes as they were asked for.
    pub(super) specs: Vec<IndexSpec>,
    pub(super) uniques: Vec<Unique>,
    /// The tables of look-ups by their paths.
    pub(super) lookups: BTreeMap<String, String>,
}

/// A unique index, whose entries stand in a table.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    pub(super) spec: IndexSpec,
    pub(super) covers: Predicate,
    /// As SQL writes it.
    pub(super) table: String,
}

impl Unique {
    pub(super) fn new(id: i64, spec: IndexSpec) -> Self {
        Self { covers: covers(&spec), spec, table: format!("earnorm_unique_{id}") }
    }
}

/// The table of a look-up.
pub(super) fn lookup_table(id: i64) -> String {
    format!("earnorm_lookup_{id}")
}

impl Collection {
    pub(super) fn new(id: i64, table_name: String) -> Self {
        let mut collection = Self {
            id,
            table_name: String::new(),
            table: String::new(),
            select: String::new(),
            put: String::new(),
            update: String::new(),
            specs: Vec::new(),
            uniques: Vec::new(),
            lookups: BTreeMap::new(),
        };
        collection.name_table(table_name);
        collection
    }

    /// Says in which table the documents stand.
    pub(super) fn name_table(&mut self, table_name: String) {
        let table = quoted(&table_name);
        self.select = format!("SELECT rowid, doc FROM {table} WHERE key = ?");
        self.put = format!(
            "INSERT INTO {table} (key, id, version, doc) VALUES (?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET id = excluded.id, version = excluded.version, doc = excluded.doc"
        );
        self.update = format!("UPDATE {table} SET version = ?, doc = ? WHERE rowid = ?");
        (self.table, self.table_name) = (table, table_name);
    }

    /// The tables of its indexes, as SQL writes them.
    pub(super) fn index_tables(&self) -> impl Iterator<Item = &str> {
        self.uniques.iter().map(|unique| unique.table.as_str()).chain(self.lookups.values().map(String::as_str))
    }
}

impl Catalog {
    pub(super) fn get(&self, name: &str) -> Option<&Arc<Collection>> {
        self.collections.get(name)
    }

    pub(super) fn insert(&mut self, name: &str, collection: Arc<Collection>) {
        self.collections.insert(name.to_owned(), collection);
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Collection>> {
        self.collections.remove(name)
    }

    /// Reads it from the file.
    pub(super) fn load(conn: &Connection) -> Done<Self> {
        let mut found: BTreeMap<i64, (String, Collection)> = BTreeMap::new();
        let mut read = conn.prepare_cached("SELECT id, name, \"table\" FROM earnorm_collections")?;
        let mut rows = read.query(())?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            found.insert(id, (row.get(1)?, Collection::new(id, row.get(2)?)));
        }
        let mut read = conn.prepare_cached("SELECT id, collection, spec FROM earnorm_indexes ORDER BY id")?;
        let mut rows = read.query(())?;
        while let Some(row) = rows.next()? {
            let (id, of, spec): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let spec = read_spec(&json::decode(&spec)?).ok_or_else(|| corrupt(format!("index {id}"), "unreadable"))?;
            if let Some((_, collection)) = found.get_mut(&of) {
                if spec.unique {
                    collection.uniques.push(Unique::new(id, spec.clone()));
                }
                collection.specs.push(spec);
            }
        }
        let mut read = conn.prepare_cached("SELECT id, collection, path FROM earnorm_lookups")?;
        let mut rows = read.query(())?;
        while let Some(row) = rows.next()? {
            if let Some((_, collection)) = found.get_mut(&row.get(1)?) {
                collection.lookups.insert(row.get(2)?, lookup_table(row.get(0)?));
            }
        }
        let collections = found.into_values().map(|(name, collection)| (name, Arc::new(collection))).collect();
        Ok(Self { collections })
    }
}

/// An index as the file keeps it.
pub(super) fn written_spec(spec: &IndexSpec) -> Document {
    let key = |(path, descending): &(String, bool)| doc! { "path": path, "descending": *descending };
    let floor = |(path, floor): &(String, Bson)| doc! { "path": path, "floor": floor.clone() };
    doc! {
        "keys": spec.keys.iter().map(key).collect::<Vec<_>>(),
        "unique": spec.unique,
        "present": spec.present.iter().map(floor).collect::<Vec<_>>(),
        "live_only": spec.live_only,
    }
}

fn read_spec(stored: &Document) -> Option<IndexSpec> {
    let parts = |name: &str| stored.get_array(name).ok().map(|parts| parts.iter().filter_map(Bson::as_document));
    let path = |part: &Document| part.get_str("path").ok().map(str::to_owned);
    let keys = parts("keys")?.map(|part| Some((path(part)?, part.get_bool("descending").ok()?)));
    let present = parts("present")?.map(|part| Some((path(part)?, part.get("floor")?.clone())));
    Some(IndexSpec {
        keys: keys.collect::<Option<_>>()?,
        unique: stored.get_bool("unique").ok()?,
        present: present.collect::<Option<_>>()?,
        live_only: stored.get_bool("live_only").ok()?,
    })
}
