//! One collection: documents by id, and its indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bson::{Bson, Document};
use earnorm_core::Result;
use earnorm_core::error::UniqueViolation;
use earnorm_core::predicate::OrderedBson;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::Drift;

use super::index::{Lookup, Unique};
use crate::documents::index::{Entry, drift, found_under};

/// Documents in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Collection {
    documents: BTreeMap<OrderedBson, Arc<Document>>,
    /// As they were asked for, to tell what differs later.
    specs: Vec<IndexSpec>,
    uniques: Vec<Unique>,
    /// By the first path of every index.
    lookups: BTreeMap<String, Lookup>,
}

impl Collection {
    pub(super) fn get(&self, id: &Bson) -> Option<&Arc<Document>> {
        self.documents.get(&OrderedBson(id.clone()))
    }

    pub(super) fn len(&self) -> usize {
        self.documents.len()
    }

    /// All documents, by id.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Document>> {
        self.documents.values()
    }

    /// The documents that have one of `values` at `path`, by id, if something serves that path.
    pub(super) fn lookup(&self, path: &str, values: &[Bson]) -> Option<Vec<&Arc<Document>>> {
        let mut ids = BTreeSet::new();
        if path == "_id" {
            ids.extend(values.iter().cloned().map(OrderedBson));
        } else {
            let lookup = self.lookups.get(path)?;
            values.iter().for_each(|value| lookup.collect(value, &mut ids));
        }
        Some(ids.iter().filter_map(|id| self.documents.get(id)).collect())
    }

    /// Writes a document, unless a unique index refuses it, and gives what stood there before.
    pub(super) fn write(&mut self, name: &str, id: &Bson, document: Document) -> Result<Option<Arc<Document>>> {
        let key = OrderedBson(id.clone());
        let entries: Vec<_> = self.uniques.iter().map(|unique| unique.entries(&document)).collect();
        for (unique, entries) in self.uniques.iter().zip(&entries) {
            if unique.refuses(entries, &key) {
                return Err(UniqueViolation::new(name, id, unique.fields()).into());
            }
        }
        Ok(self.exchange(key, Some(Arc::new(document)), entries))
    }

    /// Puts a document or its absence in place of what is there, whatever unique indexes say.
    pub(super) fn put(&mut self, id: &Bson, document: Option<Arc<Document>>) -> Option<Arc<Document>> {
        let entries = |unique: &Unique| document.as_deref().map(|new| unique.entries(new)).unwrap_or_default();
        let entries = self.uniques.iter().map(entries).collect();
        self.exchange(OrderedBson(id.clone()), document, entries)
    }

    fn exchange(
        &mut self,
        id: OrderedBson,
        document: Option<Arc<Document>>,
        entries: Vec<Vec<Entry>>,
    ) -> Option<Arc<Document>> {
        let old = self.documents.get(&id).cloned();
        for (unique, new) in self.uniques.iter_mut().zip(entries) {
            let gone = old.as_deref().map(|old| unique.entries(old)).unwrap_or_default();
            unique.replace(gone, new, &id);
        }
        for (path, lookup) in &mut self.lookups {
            let values = |side: Option<&Document>| side.map(|side| found_under(path, side)).unwrap_or_default();
            lookup.replace(values(old.as_deref()), values(document.as_deref()), &id);
        }
        match document {
            Some(document) => self.documents.insert(id, document),
            None => self.documents.remove(&id),
        };
        old
    }

    /// Builds the indexes that are missing; all of the collection's, or none.
    pub(super) fn prepare(&mut self, spec: &CollectionSpec) -> Result<Vec<Drift>> {
        let mut drifts = Vec::new();
        let mut built = Vec::new();
        for wanted in &spec.indexes {
            match self.specs.iter().find(|there| there.keys == wanted.keys) {
                Some(there) => drifts.extend(drift(&spec.name, there, wanted)),
                None => built.push((wanted, self.build(&spec.name, wanted)?)),
            }
        }
        for (wanted, unique) in built {
            self.specs.push(wanted.clone());
            self.uniques.extend(unique);
            if let Some((path, _)) = wanted.keys.first() {
                self.build_lookup(path);
            }
        }
        Ok(drifts)
    }

    fn build(&self, name: &str, spec: &IndexSpec) -> Result<Option<Unique>> {
        if !spec.unique {
            return Ok(None);
        }
        let mut unique = Unique::new(spec.clone());
        for (id, document) in &self.documents {
            let entries = unique.entries(document);
            if unique.refuses(&entries, id) {
                return Err(UniqueViolation::new(name, &id.0, unique.fields()).into());
            }
            unique.replace(Vec::new(), entries, id);
        }
        Ok(Some(unique))
    }

    fn build_lookup(&mut self, path: &str) {
        if path == "_id" || self.lookups.contains_key(path) {
            return;
        }
        let mut lookup = Lookup::default();
        for (id, document) in &self.documents {
            lookup.replace(Vec::new(), found_under(path, document), id);
        }
        self.lookups.insert(path.to_owned(), lookup);
    }
}
