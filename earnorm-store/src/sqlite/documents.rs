//! Documents in their tables, written together with what their indexes hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::{Bson, Document};
use earnorm_core::error::UniqueViolation;
use rusqlite::OptionalExtension;

use super::catalog::{Collection, Unique, lookup_table};
use super::error::Done;
use super::schema::quoted;
use super::tx::Tx;
use super::{json, key};
use crate::documents::index::{entries, found_under};
use crate::documents::version;

/// What is put before the names of tables that would else be SQLite's or ours.
const APART: &str = "documents_";

impl Tx<'_> {
    /// One document by id.
    pub(super) fn get(&self, collection: &str, id: &Bson) -> Done<Option<Document>> {
        match self.collection(collection) {
            Some(collection) => self.get_in(&collection, &key::encode(id)),
            None => Ok(None),
        }
    }

    pub(super) fn get_in(&self, collection: &Collection, key: &[u8]) -> Done<Option<Document>> {
        let mut read = self.conn.prepare_cached(&format!("SELECT doc FROM {} WHERE key = ?", collection.table))?;
        let found: Option<String> = read.query_row([key], |row| row.get(0)).optional()?;
        found.map(|text| json::decode(&text)).transpose().map_err(Into::into)
    }

    /// Puts a document in place of what is `found` under its id, unless a unique index refuses it.
    pub(super) fn write(&mut self, name: &str, id: &Bson, document: &Document, found: Option<&Document>) -> Done<()> {
        let collection = self.collection_or_new(name)?;
        let key = key::encode(id);
        let new: Vec<_> = collection.uniques.iter().map(|unique| unique_keys(unique, document)).collect();
        for (unique, new) in collection.uniques.iter().zip(&new) {
            if self.is_taken(unique, new, &key)? {
                let fields = unique.spec.paths();
                return Err(earnorm_core::Error::from(UniqueViolation::new(name, id, fields)).into());
            }
        }
        self.index(&collection, &key, found, Some(document), new)?;
        let sql = format!(
            "INSERT INTO {} (key, id, version, doc) VALUES (?, ?, ?, ?) \
             ON CONFLICT (key) DO UPDATE SET id = excluded.id, version = excluded.version, doc = excluded.doc",
            collection.table
        );
        let version = i64::try_from(version(document)).ok();
        self.conn.prepare_cached(&sql)?.execute((&key, json::encode_value(id), version, json::encode(document)))?;
        Ok(())
    }

    /// Takes away the document that is `found` under an id.
    pub(super) fn erase(&self, collection: &Collection, id: &Bson, found: &Document) -> Done<()> {
        let key = key::encode(id);
        let none = vec![BTreeSet::new(); collection.uniques.len()];
        self.index(collection, &key, Some(found), None, none)?;
        self.conn.prepare_cached(&format!("DELETE FROM {} WHERE key = ?", collection.table))?.execute([&key])?;
        Ok(())
    }

    /// Whether another document has one of the entries.
    fn is_taken(&self, unique: &Unique, entries: &BTreeSet<Vec<u8>>, id: &[u8]) -> Done<bool> {
        let mut read =
            self.conn.prepare_cached(&format!("SELECT 1 FROM {} WHERE key = ? AND id <> ?", unique.table))?;
        for entry in entries {
            if read.exists((entry, id))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Brings the indexes from what was to what is: only where these differ.
    fn index(
        &self,
        collection: &Collection,
        id: &[u8],
        old: Option<&Document>,
        new: Option<&Document>,
        uniques: Vec<BTreeSet<Vec<u8>>>,
    ) -> Done<()> {
        for (unique, new) in collection.uniques.iter().zip(uniques) {
            let old = old.map(|old| unique_keys(unique, old)).unwrap_or_default();
            self.exchange(&unique.table, id, &old, &new)?;
        }
        for (path, table) in &collection.lookups {
            let keys = |side: Option<&Document>| side.map(|side| lookup_keys(path, side)).unwrap_or_default();
            self.exchange(table, id, &keys(old), &keys(new))?;
        }
        Ok(())
    }

    pub(super) fn exchange(
        &self,
        table: &str,
        id: &[u8],
        old: &BTreeSet<Vec<u8>>,
        new: &BTreeSet<Vec<u8>>,
    ) -> Done<()> {
        for gone in old.difference(new) {
            let mut delete = self.conn.prepare_cached(&format!("DELETE FROM {table} WHERE key = ? AND id = ?"))?;
            delete.execute((gone, id))?;
        }
        for added in new.difference(old) {
            // Without a conflict clause: an entry that is there against all rules is an error, not lost.
            self.conn.prepare_cached(&format!("INSERT INTO {table} (key, id) VALUES (?, ?)"))?.execute((added, id))?;
        }
        Ok(())
    }

    /// The collection, made if it is not there.
    pub(super) fn collection_or_new(&mut self, name: &str) -> Done<Arc<Collection>> {
        if let Some(found) = self.collection(name) {
            return Ok(found);
        }
        let table = self.free_table(name)?;
        self.conn.execute_batch(&format!(
            "CREATE TABLE {} (key BLOB NOT NULL PRIMARY KEY, id TEXT NOT NULL, version INTEGER, doc TEXT NOT NULL)",
            quoted(&table)
        ))?;
        let mut insert = self.conn.prepare_cached("INSERT INTO earnorm_collections (name, \"table\") VALUES (?, ?)")?;
        let id = insert.insert((name, &table))?;
        drop(insert);
        let collection = Arc::new(Collection::new(id, table));
        self.change_catalog(|catalog| catalog.insert(name, Arc::clone(&collection)));
        Ok(collection)
    }

    /// The collection's name, or one like it where that is SQLite's, ours, or taken but for its case.
    fn free_table(&self, name: &str) -> Done<String> {
        let name = name.replace('\0', "_");
        let lower = name.to_ascii_lowercase();
        let mut table =
            if lower.is_empty() || lower.starts_with("sqlite_") { format!("{APART}{name}") } else { name.clone() };
        // Names in quotes that are not ours: the tables that indexes will have.
        if lower.starts_with("earnorm_unique_") || lower.starts_with("earnorm_lookup_") {
            table = format!("{APART}{name}");
        }
        let mut taken = self.conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE")?;
        let mut number = 1;
        while taken.exists([&table])? {
            table = if number == 1 { format!("{APART}{name}") } else { format!("{APART}{name}_{number}") };
            number += 1;
        }
        Ok(table)
    }

    /// Takes a collection away with its indexes.
    pub(super) fn drop_collection(&mut self, name: &str) -> Done<()> {
        let Some(collection) = self.collection(name) else { return Ok(()) };
        for table in collection.index_tables().chain([collection.table.as_str()]) {
            self.conn.execute_batch(&format!("DROP TABLE {table}"))?;
        }
        for table in ["earnorm_indexes", "earnorm_lookups"] {
            self.conn.execute(&format!("DELETE FROM {table} WHERE collection = ?"), [collection.id])?;
        }
        self.conn.execute("DELETE FROM earnorm_collections WHERE id = ?", [collection.id])?;
        self.change_catalog(|catalog| drop(catalog.remove(name)));
        Ok(())
    }

    /// Puts a collection in the place of another, with its indexes; `false` when it is not there.
    pub(super) fn rename_collection(&mut self, from: &str, to: &str) -> Done<bool> {
        let Some(mut collection) = self.collection(from).filter(|_| from != to).map(|found| Collection::clone(&found))
        else {
            return Ok(false);
        };
        self.drop_collection(to)?;
        let table = self.free_table(to)?;
        self.conn.execute_batch(&format!("ALTER TABLE {} RENAME TO {}", collection.table, quoted(&table)))?;
        let sql = "UPDATE earnorm_collections SET name = ?, \"table\" = ? WHERE id = ?";
        self.conn.execute(sql, (to, &table, collection.id))?;
        collection.table = quoted(&table);
        collection.table_name = table;
        self.change_catalog(|catalog| {
            catalog.remove(from);
            catalog.insert(to, Arc::new(collection));
        });
        Ok(true)
    }

    /// The table of a new look-up of a collection.
    pub(super) fn new_lookup(&self, collection: i64, path: &str) -> Done<String> {
        let mut insert = self.conn.prepare_cached("INSERT INTO earnorm_lookups (collection, path) VALUES (?, ?)")?;
        let table = lookup_table(insert.insert((collection, path))?);
        let columns = "key BLOB NOT NULL, id BLOB NOT NULL, PRIMARY KEY (key, id)";
        self.conn.execute_batch(&format!("CREATE TABLE {table} ({columns}) WITHOUT ROWID"))?;
        Ok(table)
    }
}

/// The entries of a document in a unique index; none if it is not covered.
pub(super) fn unique_keys(unique: &Unique, document: &Document) -> BTreeSet<Vec<u8>> {
    if !unique.covers.matches(document).unwrap_or(false) {
        return BTreeSet::new();
    }
    let whole = |entry: Vec<_>| {
        let parts: Vec<Bson> = entry.into_iter().map(|part: earnorm_core::predicate::OrderedBson| part.0).collect();
        key::encode(&Bson::Array(parts))
    };
    entries(&unique.spec, document).into_iter().map(whole).collect()
}

/// The values under which a document is found.
pub(super) fn lookup_keys(path: &str, document: &Document) -> BTreeSet<Vec<u8>> {
    found_under(path, document).iter().map(|value| key::encode(&value.0)).collect()
}
