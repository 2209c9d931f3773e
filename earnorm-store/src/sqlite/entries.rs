//! What the indexes of a collection hold of a document, and which of them a write touches.

use std::collections::BTreeSet;

use bson::{Bson, Document};

use super::catalog::{Collection, Unique};
use super::key;
use crate::documents::index::{entries, found_under};

/// What of a document a write changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Touched<'w> {
    Everything,
    Paths(&'w [(String, Bson)], &'w [String]),
}

impl Touched<'_> {
    /// Whether the values at `path` may become others. Fields of the first level are told apart, no more: paths go
    /// through arrays with and without places.
    pub(super) fn touches(self, path: &str) -> bool {
        let wanted = field(path);
        let same = |other: &str| field(other) == wanted;
        match self {
            Self::Everything => true,
            Self::Paths(set, unset) => {
                set.iter().any(|(other, _)| same(other)) || unset.iter().any(|other| same(other))
            }
        }
    }
}

/// The field of the first level.
fn field(path: &str) -> &[u8] {
    path.as_bytes().split(|byte| *byte == b'.').next().unwrap_or_default()
}

/// What the indexes of a collection that a write touches hold of a document: their tables and the entries in them.
pub(super) type Entries<'c> = Vec<(&'c str, BTreeSet<Vec<u8>>)>;

/// The unique indexes that a write touches.
pub(super) fn uniques<'c>(collection: &'c Collection, touched: Touched<'_>) -> impl Iterator<Item = &'c Unique> {
    let touches = move |unique: &&Unique| unique.paths().any(|path| touched.touches(path));
    collection.uniques.iter().filter(touches)
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

#[cfg(test)]
mod tests {
    //! Which indexes a patch touches.

    use bson::Bson;

    use super::Touched;

    #[test]
    fn a_patch_touches_what_stands_under_and_over_its_paths() {
        let set = [("a.0.b".to_owned(), Bson::Null), ("size".to_owned(), Bson::Null)];
        let unset = ["tags.1".to_owned()];
        let touched = Touched::Paths(&set, &unset);
        for path in ["a", "a.b", "a.0.b.c", "a.c", "size", "size.x", "tags", "tags.1.name"] {
            assert!(touched.touches(path), "{path}");
            assert!(Touched::Everything.touches(path), "{path}");
        }
        for path in ["b", "ab", "si", "sizes", "", "tag"] {
            assert!(!touched.touches(path), "{path}");
        }
    }
}
