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
    for key in keys {
        let order = compare(sort_value(left, key), sort_value(right, key));
        if order != Ordering::Equal {
            return if key.descending { order.reverse() } else { order };
        }
    }
    compare(left.get("_id").unwrap_or(&NULL), right.get("_id").unwrap_or(&NULL))
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
