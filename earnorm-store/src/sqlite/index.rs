//! Indexes: made where they are missing, compared where they are there, never dropped.

use std::sync::Arc;

use earnorm_core::error::UniqueViolation;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::Drift;

use super::catalog::{Collection, Unique, written_spec};
use super::entries::{lookup_keys, unique_keys};
use super::error::Done;
use super::json;
use super::tx::Tx;
use crate::documents::index::drift;
use crate::names::plain;

impl Tx<'_> {
    /// Makes a collection ready; all of its indexes, or none.
    pub(super) fn prepare(&mut self, spec: &CollectionSpec) -> Done<Vec<Drift>> {
        let collection = self.collection_or_new(&spec.name)?;
        let mut drifts = Vec::new();
        let mut grown = Collection::clone(&collection);
        for wanted in &spec.indexes {
            match grown.specs.iter().find(|there| there.keys == wanted.keys) {
                Some(there) => drifts.extend(drift(&spec.name, there, wanted)),
                None => self.build(&spec.name, &mut grown, wanted)?,
            }
        }
        if grown.specs.len() > collection.specs.len() {
            self.change_catalog(|catalog| catalog.insert(&spec.name, Arc::new(grown)));
        }
        Ok(drifts)
    }

    fn build(&self, name: &str, collection: &mut Collection, spec: &IndexSpec) -> Done<()> {
        let mut insert = self.conn.prepare_cached("INSERT INTO earnorm_indexes (collection, spec) VALUES (?, ?)")?;
        let id = insert.insert((collection.id, json::encode(&written_spec(spec))))?;
        if spec.unique {
            let unique = Unique::new(id, spec.clone());
            let columns = "key BLOB NOT NULL PRIMARY KEY, id BLOB NOT NULL";
            self.conn.execute_batch(&format!("CREATE TABLE {} ({columns}) WITHOUT ROWID", unique.table))?;
            self.fill_unique(name, collection, &unique)?;
            collection.uniques.push(unique);
        }
        if let Some((path, _)) = spec.keys.first()
            && path != "_id"
            && !collection.lookups.contains_key(path)
        {
            let table = self.new_lookup(collection.id, path)?;
            self.each(collection, &mut |id, document| {
                self.exchange(&table, id, &Default::default(), &lookup_keys(path, &document))
            })?;
            collection.lookups.insert(path.clone(), table);
        }
        collection.specs.push(spec.clone());
        Ok(())
    }

    fn fill_unique(&self, name: &str, collection: &Collection, unique: &Unique) -> Done<()> {
        let mut insert = self.conn.prepare_cached(&format!("INSERT OR IGNORE INTO {} VALUES (?, ?)", unique.table))?;
        self.each(collection, &mut |id, document| {
            for entry in unique_keys(unique, &document) {
                if insert.execute((entry, id))? == 0 {
                    let own = document.get("_id").map(plain).unwrap_or_default();
                    let violation = UniqueViolation::new(name, own, unique.spec.paths());
                    return Err(earnorm_core::Error::from(violation).into());
                }
            }
            Ok(())
        })
    }

    /// Every document of a collection with its key.
    fn each(&self, collection: &Collection, step: &mut dyn FnMut(&[u8], bson::Document) -> Done<()>) -> Done<()> {
        let mut read = self.conn.prepare(&format!("SELECT key, doc FROM {}", collection.table))?;
        let mut rows = read.query(())?;
        while let Some(row) = rows.next()? {
            let (id, text): (Vec<u8>, String) = (row.get(0)?, row.get(1)?);
            step(&id, json::decode(&text)?)?;
        }
        Ok(())
    }
}
