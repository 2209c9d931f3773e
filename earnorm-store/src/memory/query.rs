//! Reading documents: which ones are looked at, which match, in which order.

use std::sync::Arc;

use bson::Document;
use earnorm_core::Result;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::store::DocumentQuery;

use super::collection::Collection;
use super::state::State;
use crate::documents::sort::{sorted, window};

/// The documents of a query, sorted and cut; a snapshot.
pub(super) fn find(state: &State, query: &DocumentQuery) -> Result<Vec<Arc<Document>>> {
    if query.sort.is_empty() {
        let (skip, limit) = window(query);
        return select(state, &query.collection, &query.predicate, skip, limit);
    }
    Ok(sorted(matching(state, &query.collection, &query.predicate)?, query))
}

/// All documents that match, by id; a snapshot.
pub(super) fn matching(state: &State, collection: &str, predicate: &Predicate) -> Result<Vec<Arc<Document>>> {
    select(state, collection, predicate, 0, usize::MAX)
}

pub(super) fn count(state: &State, collection: &str, predicate: &Predicate) -> Result<u64> {
    let matcher = predicate.matcher()?;
    let Some(collection) = state.collection(collection) else { return Ok(0) };
    if *predicate == Predicate::always() {
        return Ok(collection.len() as u64);
    }
    let count = match candidates(collection, predicate) {
        Some(documents) => documents.into_iter().filter(|document| matcher.matches(document)).count(),
        None => collection.iter().filter(|document| matcher.matches(document)).count(),
    };
    Ok(count as u64)
}

fn select(
    state: &State,
    collection: &str,
    predicate: &Predicate,
    skip: usize,
    limit: usize,
) -> Result<Vec<Arc<Document>>> {
    let matcher = predicate.matcher()?;
    let Some(collection) = state.collection(collection) else { return Ok(Vec::new()) };
    let matches = |document: &&Arc<Document>| matcher.matches(document);
    Ok(match candidates(collection, predicate) {
        Some(documents) => documents.into_iter().filter(matches).skip(skip).take(limit).cloned().collect(),
        None => collection.iter().filter(matches).skip(skip).take(limit).cloned().collect(),
    })
}

/// The documents, by id, that an index leaves; `None` if no part of the predicate has one.
fn candidates<'a>(collection: &'a Collection, predicate: &Predicate) -> Option<Vec<&'a Arc<Document>>> {
    match predicate {
        Predicate::Compare { path, op: Comparison::Eq, value } => collection.lookup(path, std::slice::from_ref(value)),
        Predicate::In { path, values } => collection.lookup(path, values),
        // The shortest list wins: a condition on the id, or the most selective of the others.
        Predicate::All(parts) => parts.iter().filter_map(|part| candidates(collection, part)).min_by_key(Vec::len),
        _ => None,
    }
}
