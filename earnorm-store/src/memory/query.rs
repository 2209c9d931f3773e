//! Reading documents: which ones are looked at, which match, in which order.

use std::sync::Arc;

use bson::Document;
use earnorm_core::Result;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::store::{DocumentQuery, Explanation};

use super::NAME;
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

/// Which index serves a query, and what is left to be tested.
pub(super) fn explain(state: &State, query: &DocumentQuery) -> Result<Explanation> {
    query.predicate.matcher()?;
    let mut explained = Explanation::new(NAME, "every document of the collection, by id");
    let chosen = state.collection(&query.collection).and_then(|collection| narrowest(collection, &query.predicate));
    if let Some((part, path, found)) = chosen {
        explained.plan = format!("{} documents of the look-up of `{path}`, by id", found.len());
        explained.indexes.push(path.to_owned());
        explained.pushed.push(part.to_string());
    }
    explained.after.extend(query.predicate.parts().into_iter().map(ToString::to_string));
    explained.after.retain(|part| !explained.pushed.contains(part));
    explained.sorts = !query.sort.is_empty();
    Ok(explained)
}

/// The documents, by id, that an index leaves; `None` if no part of the predicate has one.
fn candidates<'a>(collection: &'a Collection, predicate: &Predicate) -> Option<Vec<&'a Arc<Document>>> {
    narrowest(collection, predicate).map(|(_, _, found)| found)
}

/// A part of a predicate, its path, and the documents that an index leaves of it.
type Served<'a, 'p> = (&'p Predicate, &'p str, Vec<&'a Arc<Document>>);

fn narrowest<'a, 'p>(collection: &'a Collection, predicate: &'p Predicate) -> Option<Served<'a, 'p>> {
    let (path, values) = match predicate {
        Predicate::Compare { path, op: Comparison::Eq, value } => (path, std::slice::from_ref(value)),
        Predicate::In { path, values } => (path, values.as_slice()),
        // The shortest list wins: a condition on the id, or the most selective of the others.
        Predicate::All(parts) => {
            return parts.iter().filter_map(|part| narrowest(collection, part)).min_by_key(|(_, _, found)| found.len());
        }
        _ => return None,
    };
    Some((predicate, path, collection.lookup(path, values)?))
}
