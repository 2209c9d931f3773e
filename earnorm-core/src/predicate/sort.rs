//! The order of documents by keys.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::order::compare;
use super::path::{place, split};
use crate::store::SortKey;

static NULL: Bson = Bson::Null;
static EMPTY: Bson = Bson::Undefined;

/// Compares two documents by `keys`, and by `_id` where these leave a tie.
///
/// Missing counts as null. Where an array is on the path, its lowest value counts upwards and its highest downwards;
/// an empty array is below null. Each key looks at arrays by itself.
#[must_use]
pub fn compare_documents(left: &Document, right: &Document, keys: &[SortKey]) -> Ordering {
    SortValues::of(left, keys).compare(&SortValues::of(right, keys), keys)
}

/// What counts of one document when it is sorted: taken out once, however often it is compared.
#[derive(Debug, Clone)]
pub struct SortValues<'a> {
    values: Vec<&'a Bson>,
    id: &'a Bson,
}

impl<'a> SortValues<'a> {
    /// The values of `document` at `keys`.
    #[must_use]
    pub fn of(document: &'a Document, keys: &[SortKey]) -> Self {
        let values = keys.iter().map(|key| sort_value(document, key)).collect();
        Self { values, id: document.get("_id").unwrap_or(&NULL) }
    }

    /// The order of two documents, as [`compare_documents`] says. Both must be taken at `keys`.
    #[must_use]
    pub fn compare(&self, other: &Self, keys: &[SortKey]) -> Ordering {
        for (key, (left, right)) in keys.iter().zip(self.values.iter().zip(&other.values)) {
            let order = compare(left, right);
            if order != Ordering::Equal {
                return if key.descending { order.reverse() } else { order };
            }
        }
        compare(self.id, other.id)
    }
}

fn sort_value<'a>(document: &'a Document, key: &SortKey) -> &'a Bson {
    let mut best: Option<&Bson> = None;
    expand(document, &key.path, &mut |value| {
        let better = best.is_none_or(|best| {
            let order = compare(value, best);
            if key.descending { order == Ordering::Greater } else { order == Ordering::Less }
        });
        if better {
            best = Some(value);
        }
    });
    best.unwrap_or(&NULL)
}

/// Calls `each` with every value that an index over `path` holds for `document`: at least one.
pub fn index_values<'a>(document: &'a Document, path: &str, each: &mut dyn FnMut(&'a Bson)) {
    expand(document, path, each);
}

fn expand<'a>(document: &'a Document, path: &str, each: &mut dyn FnMut(&'a Bson)) {
    let (name, rest) = split(path);
    match document.get(name) {
        Some(Bson::Array(items)) => expand_array(items, rest, each),
        other => expand_value(other, rest, each),
    }
}

fn expand_value<'a>(value: Option<&'a Bson>, rest: Option<&str>, each: &mut dyn FnMut(&'a Bson)) {
    match (value, rest) {
        (Some(value), None) => each(value),
        (Some(Bson::Document(inner)), Some(rest)) => expand(inner, rest, each),
        _ => each(&NULL),
    }
}

fn expand_array<'a>(items: &'a [Bson], rest: Option<&str>, each: &mut dyn FnMut(&'a Bson)) {
    let Some(path) = rest else {
        if items.is_empty() {
            each(&EMPTY);
        }
        return items.iter().for_each(each);
    };
    let (name, after) = split(path);
    if let Some(item) = place(name).and_then(|place| items.get(place)) {
        return match (item, after) {
            // An element that is named by its place counts as it is, an array with elements too.
            (Bson::Array(inner), None) if inner.is_empty() => each(&EMPTY),
            (item, None) => each(item),
            (Bson::Array(inner), after) => expand_array(inner, after, each),
            (item, after) => expand_value(Some(item), after, each),
        };
    }
    if items.is_empty() {
        each(&NULL);
    }
    for item in items {
        expand_value(Some(item), rest, each);
    }
}
