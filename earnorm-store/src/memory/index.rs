//! Indexes of one collection: unique rules over the documents they cover, and look-ups over all documents.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document};
use earnorm_core::predicate::{OrderedBson, Predicate};
use earnorm_core::schema::IndexSpec;

use crate::documents::index::{self, Entry};
use crate::documents::touched::Touched;

/// A unique index.
#[derive(Debug)]
pub(super) struct Unique {
    spec: IndexSpec,
    /// Which documents it covers.
    covers: Predicate,
    owners: BTreeMap<Entry, OrderedBson>,
}

impl Unique {
    pub(super) fn new(spec: IndexSpec) -> Self {
        Self { covers: index::covers(&spec), spec, owners: BTreeMap::new() }
    }

    pub(super) fn fields(&self) -> Vec<String> {
        self.spec.paths()
    }

    /// Whether a write may change its entries.
    pub(super) fn is_touched(&self, touched: Touched<'_>) -> bool {
        touched.touches_entries(&self.spec)
    }

    /// The entries of a document; none if it is not covered.
    pub(super) fn entries(&self, document: &Document) -> Vec<Entry> {
        if self.covers.matches(document).unwrap_or(false) { index::entries(&self.spec, document) } else { Vec::new() }
    }

    /// Whether another document than `id` has one of `entries`.
    pub(super) fn refuses(&self, entries: &[Entry], id: &OrderedBson) -> bool {
        entries.iter().any(|entry| self.owners.get(entry).is_some_and(|owner| owner != id))
    }

    pub(super) fn replace(&mut self, old: Vec<Entry>, new: Vec<Entry>, id: &OrderedBson) {
        if old == new {
            return;
        }
        for entry in old {
            self.owners.remove(&entry);
        }
        for entry in new {
            self.owners.insert(entry, id.clone());
        }
    }
}

/// Which documents have a value at a path, over all documents of the collection.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    postings: BTreeSet<(OrderedBson, OrderedBson)>,
}

impl Lookup {
    pub(super) fn replace(&mut self, old: Vec<OrderedBson>, new: Vec<OrderedBson>, id: &OrderedBson) {
        if old == new {
            return;
        }
        for value in old {
            self.postings.remove(&(value, id.clone()));
        }
        for value in new {
            self.postings.insert((value, id.clone()));
        }
    }

    /// Collects the ids of documents that have `value`.
    pub(super) fn collect(&self, value: &Bson, ids: &mut BTreeSet<OrderedBson>) {
        // Documents are found under null where the value is missing or undefined.
        let value = OrderedBson(if *value == Bson::Undefined { Bson::Null } else { value.clone() });
        let from = (value.clone(), OrderedBson(Bson::MinKey));
        let found = self.postings.range(from..).take_while(|(found, _)| *found == value);
        ids.extend(found.map(|(_, id)| id.clone()));
    }
}
