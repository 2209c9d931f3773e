//! Documents in an order, cut to what is asked for, without keeping all of them.

use std::borrow::Borrow;

use bson::Document;
use earnorm_core::predicate::SortValues;
use earnorm_core::store::{DocumentQuery, SortKey};

/// How many documents are kept at least before those that are not asked for go.
const SLACK: usize = 1_000;

/// How many documents a query passes over, and how many it gives at most.
pub(crate) fn window(query: &DocumentQuery) -> (usize, usize) {
    let limit = query.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    (usize::try_from(query.skip).unwrap_or(usize::MAX), limit)
}

/// The documents of a query with an order, from those that match.
pub(crate) fn sorted<T: Borrow<Document>>(found: impl IntoIterator<Item = T>, query: &DocumentQuery) -> Vec<T> {
    let (skip, limit) = window(query);
    let wanted = skip.saturating_add(limit);
    let mut kept: Vec<T> = Vec::new();
    for document in found {
        kept.push(document);
        if kept.len() >= wanted.saturating_mul(2).saturating_add(SLACK) {
            kept = lowest(kept, wanted, &query.sort);
        }
    }
    lowest(kept, wanted, &query.sort).into_iter().skip(skip).collect()
}

/// The first `wanted` documents in order.
fn lowest<T: Borrow<Document>>(documents: Vec<T>, wanted: usize, sort: &[SortKey]) -> Vec<T> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    let values: Vec<_> = documents.iter().map(|document| SortValues::of(document.borrow(), sort)).collect();
    let compare = |a: &usize, b: &usize| match (values.get(*a), values.get(*b)) {
        (Some(a), Some(b)) => a.compare(b, sort),
        _ => a.cmp(b),
    };
    if wanted < order.len() {
        // Only what is asked for needs to be in order.
        order.select_nth_unstable_by(wanted, compare);
        order.truncate(wanted);
    }
    order.sort_unstable_by(compare);
    drop(values);
    let mut documents: Vec<_> = documents.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| documents.get_mut(index)?.take()).collect()
}
