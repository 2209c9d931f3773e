//! What the indexes of a collection hold of a document.

use std::collections::BTreeSet;

use bson::{Bson, Document};

use super::catalog::{Collection, Unique};
use super::key;
use crate::documents::index::{entries, found_under};
use crate::documents::touched::Touched;

/// What the indexes of a collection that a write touches hold of a document: their tables and the entries in them.
pub(super) type Entries<'c> = Vec<(&'c str, BTreeSet<Vec<u8>>)>;

/// The unique indexes that a write touches.
pub(super) fn uniques<'c>(collection: &'c Collection, touched: Touched<'_>) -> impl Iterator<Item = &'c Unique> {
    collection.uniques.iter().filter(move |unique| touched.touches_entries(&unique.spec))
}

/// What the touched indexes hold of a document, unique ones first; in the same order for every document.
pub(super) fn entries_of<'c>(
    collection: &'c Collection,
    touched: Touched<'_>,
    document: Option<&Document>,
) -> Entries<'c> {
    let of_uniques = uniques(collection, touched).map(|unique| {
        let entries = document.map(|document| unique_keys(unique, document));
        (unique.table.as_str(), entries.unwrap_or_default())
    });
    let lookups = collection.lookups.iter().filter(|(path, _)| touched.touches(path));
    let of_lookups = lookups.map(|(path, table)| {
        let entries = document.map(|document| lookup_keys(path, document));
        (table.as_str(), entries.unwrap_or_default())
    });
    of_uniques.chain(of_lookups).collect()
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
