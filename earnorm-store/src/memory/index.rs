//! Indexes of one collection: unique rules over the documents they cover, and look-ups over all documents.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document};
use earnorm_core::predicate::{Comparison, OrderedBson, Predicate, index_values};
use earnorm_core::schema::{IndexSpec, LIVE};

/// Values of all parts of an index.
pub(super) type Entry = Vec<OrderedBson>;

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
        let floor = |(path, floor): &(String, Bson)| Predicate::Compare {
            path: path.clone(),
            op: Comparison::Gte,
            value: floor.clone(),
        };
        let mut covers: Vec<_> = spec.present.iter().map(floor).collect();
        if spec.live_only {
            covers.push(Predicate::eq(LIVE, true));
        }
        Self { spec, covers: Predicate::All(covers), owners: BTreeMap::new() }
    }

    pub(super) fn fields(&self) -> Vec<String> {
        self.spec.paths()
    }

    /// The entries of a document; none if it is not covered.
    pub(super) fn entries(&self, document: &Document) -> Vec<Entry> {
        if self.covers.matches(document).unwrap_or(false) { entries(&self.spec, document) } else { Vec::new() }
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

/// Every combination of the parts' values; more than one where a part is an array.
fn entries(spec: &IndexSpec, document: &Document) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![Vec::with_capacity(spec.keys.len())];
    for (path, _) in &spec.keys {
        let mut values = Vec::new();
        index_values(document, path, &mut |value| values.push(OrderedBson(value.clone())));
        if let [value] = values.as_slice() {
            for entry in &mut entries {
                entry.push(value.clone());
            }
        } else {
            let grown = |entry: &Entry| {
                values.iter().map(|value| [entry.as_slice(), std::slice::from_ref(value)].concat()).collect::<Vec<_>>()
            };
            entries = entries.iter().flat_map(grown).collect();
        }
    }
    entries
}

/// Which documents have a value at a path, over all documents of the collection.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    postings: BTreeSet<(OrderedBson, OrderedBson)>,
}

impl Lookup {
    /// The values under which a document is found: all that a comparison with its path looks at.
    pub(super) fn values(path: &str, document: &Document) -> Vec<OrderedBson> {
        let mut values = Vec::new();
        Predicate::each_value(path, document, &mut |value| {
            let value = match value {
                None | Some(Bson::Undefined) => Bson::Null,
                Some(value) => value.clone(),
            };
            values.push(OrderedBson(value));
        });
        values
    }

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
