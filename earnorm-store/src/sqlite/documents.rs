//! Documents in their tables, written together with what their indexes hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use bson::{Bson, Document};
use earnorm_core::error::UniqueViolation;

use super::catalog::{Collection, Unique, lookup_table};
use super::entries::{Entries, entries_of, uniques};
use super::error::Done;
use super::schema::quoted;
use super::tx::Tx;
use super::{json, key};
use crate::documents::touched::Touched;
use crate::documents::{change, version};
use crate::names::plain;

/// What is put before the names of tables that would else be SQLite's or ours.
const APART: &str = "documents_";

/// The document that is looked at or written.
#[derive(Debug)]
pub(super) struct Target<'d> {
    name: &'d str,
    id: &'d Bson,
    key: Vec<u8>,
}

impl<'d> Target<'d> {
    pub(super) fn new(name: &'d str, id: &'d Bson) -> Self {
        Self { name, id, key: key::encode(id) }
    }
}

/// A document, and the row in which it stands.
#[derive(Debug)]
pub(super) struct Found {
    row: i64,
    pub(super) document: Document,
}

impl Tx<'_> {
    /// One document by id.
    pub(super) fn get(&self, collection: &str, id: &Bson) -> Done<Option<Document>> {
        Ok(self.found(&Target::new(collection, id))?.map(|found| found.document))
    }

    /// One document, and where it stands.
    pub(super) fn found(&self, target: &Target<'_>) -> Done<Option<Found>> {
        let Some(collection) = self.catalog.get(target.name) else { return Ok(None) };
        let mut read = self.conn.prepare_cached(&collection.select)?;
        let mut rows = read.query([&target.key])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let text = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let recent = self.recent.and_then(|recent| recent.borrow_mut().take(&target.key, text));
        let document = recent.map_or_else(|| json::decode(text), Ok)?;
        Ok(Some(Found { row: row.get(0)?, document }))
    }

    /// Puts a document in place of what is `found` under its id, unless a unique index refuses it.
    pub(super) fn write(&mut self, target: &Target<'_>, document: &Document, found: Option<&Found>) -> Done<()> {
        let collection = self.collection_or_new(target.name)?;
        let old = entries_of(&collection, Touched::Everything, found.map(|found| &found.document));
        self.index(&collection, target, Touched::Everything, &old, Some(document))?;
        let (id, doc) = (json::encode_value(target.id), json::encode(document));
        self.conn.prepare_cached(&collection.put)?.execute((&target.key, id, stored_version(document), doc))?;
        Ok(())
    }

    /// Changes the document that is `found` at some paths, unless a unique index refuses it.
    pub(super) fn patch(&self, target: Target<'_>, found: Found, set: &[(String, Bson)], unset: &[String]) -> Done<()> {
        let Some(collection) = self.collection(target.name) else { return Ok(()) };
        let (touched, Found { row, mut document }) = (Touched::Paths(set, unset), found);
        let old = entries_of(&collection, touched, Some(&document));
        change(target.name, target.id, &mut document, set, unset)?;
        self.index(&collection, &target, touched, &old, Some(&document))?;
        let text = json::encode(&document);
        self.conn.prepare_cached(&collection.update)?.execute((stored_version(&document), &text, row))?;
        if let Some(recent) = self.recent {
            recent.borrow_mut().keep(target.key, text, document);
        }
        Ok(())
    }

    /// Takes away the document that is `found`.
    pub(super) fn erase(&self, target: &Target<'_>, found: &Document) -> Done<()> {
        let Some(collection) = self.collection(target.name) else { return Ok(()) };
        let old = entries_of(&collection, Touched::Everything, Some(found));
        self.index(&collection, target, Touched::Everything, &old, None)?;
        let mut delete = self.conn.prepare_cached(&format!("DELETE FROM {} WHERE key = ?", collection.table))?;
        delete.execute([&target.key])?;
        Ok(())
    }

    /// Brings the indexes that are touched from the old entries to those of a document, where these differ, unless
    /// another document has one of them that must have no second.
    fn index(
        &self,
        collection: &Collection,
        target: &Target<'_>,
        touched: Touched<'_>,
        old: &Entries<'_>,
        document: Option<&Document>,
    ) -> Done<()> {
        let new = entries_of(collection, touched, document);
        for (unique, ((_, old), (_, new))) in uniques(collection, touched).zip(old.iter().zip(&new)) {
            if self.is_taken(unique, new.difference(old), &target.key)? {
                let violation = UniqueViolation::new(target.name, plain(target.id), unique.spec.paths());
                return Err(earnorm_core::Error::from(violation).into());
            }
        }
        for ((table, old), (_, new)) in old.iter().zip(&new) {
            self.exchange(table, &target.key, old, new)?;
        }
        Ok(())
    }

    /// Whether another document has one of the entries.
    fn is_taken<'e>(&self, unique: &Unique, entries: impl Iterator<Item = &'e Vec<u8>>, id: &[u8]) -> Done<bool> {
        let sql = format!("SELECT 1 FROM {} WHERE key = ? AND id <> ?", unique.table);
        for entry in entries {
            if self.conn.prepare_cached(&sql)?.exists((entry, id))? {
                return Ok(true);
            }
        }
        Ok(false)
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
        collection.name_table(table);
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

fn stored_version(document: &Document) -> Option<i64> {
    i64::try_from(version(document)).ok()
}
