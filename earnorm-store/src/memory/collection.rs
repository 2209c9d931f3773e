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
use crate::documents::index::{drift, found_under};
use crate::documents::touched::Touched;
use crate::documents::{expect, patch};
use crate::names::plain;

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

    /// Writes a document, of which `touched` differs, unless a unique index refuses it, and gives what stood there
    /// before.
    pub(super) fn write(
        &mut self,
        name: &str,
        id: &Bson,
        document: Document,
        touched: Touched<'_>,
    ) -> Result<Option<Arc<Document>>> {
        let key = OrderedBson(id.clone());
        for unique in self.uniques.iter().filter(|unique| unique.is_touched(touched)) {
            if unique.refuses(&unique.entries(&document), &key) {
                return Err(UniqueViolation::new(name, plain(id), unique.fields()).into());
            }
        }
        Ok(self.exchange(key, Some(Arc::new(document)), touched))
    }

    /// Whether a write of this can be neither refused nor stopped half-way: no unique index is touched, and nothing
    /// can be in the way of a field of the first level.
    pub(super) fn cannot_refuse(&self, set: &[(String, Bson)], unset: &[String]) -> bool {
        let touched = Touched::Paths(set, unset);
        set.iter().all(|(path, _)| !path.contains('.')) && !self.uniques.iter().any(|unique| unique.is_touched(touched))
    }

    /// Changes the document where it stands, if it is at version `expected`. For changes that cannot be refused, and
    /// that nothing takes back: nobody keeps what was there.
    pub(super) fn patch_in_place(
        &mut self,
        name: &str,
        id: Bson,
        expected: u64,
        (set, unset): (Vec<(String, Bson)>, &[String]),
    ) -> Result<()> {
        let key = OrderedBson(id);
        let found = self.documents.get_mut(&key);
        expect(name, &key.0, expected, found.as_deref().map(Arc::as_ref))?;
        let Some(found) = found else { return Ok(()) };
        // Whoever reads it at this moment keeps what he has: then it is copied.
        let document = Arc::make_mut(found);
        let touched = Touched::Paths(&set, unset);
        let lookups = self.lookups.iter_mut().filter(|(path, _)| touched.touches(path));
        let lookups: Vec<_> = lookups.map(|(path, lookup)| (path, found_under(path, document), lookup)).collect();
        for (path, value) in set {
            document.insert(path, value);
        }
        unset.iter().for_each(|path| patch::unset(document, path));
        for (path, before, lookup) in lookups {
            lookup.replace(before, found_under(path, document), &key);
        }
        Ok(())
    }

    /// Puts a document or its absence in place of what is there, whatever unique indexes say.
    pub(super) fn put(&mut self, id: &Bson, document: Option<Arc<Document>>) -> Option<Arc<Document>> {
        self.exchange(OrderedBson(id.clone()), document, Touched::Everything)
    }

    fn exchange(
        &mut self,
        id: OrderedBson,
        document: Option<Arc<Document>>,
        touched: Touched<'_>,
    ) -> Option<Arc<Document>> {
        let old = self.documents.get(&id).cloned();
        for unique in self.uniques.iter_mut().filter(|unique| unique.is_touched(touched)) {
            let entries = |side: Option<&Document>| side.map(|side| unique.entries(side)).unwrap_or_default();
            let (gone, new) = (entries(old.as_deref()), entries(document.as_deref()));
            unique.replace(gone, new, &id);
        }
        for (path, lookup) in self.lookups.iter_mut().filter(|(path, _)| touched.touches(path)) {
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
                return Err(UniqueViolation::new(name, plain(&id.0), unique.fields()).into());
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
