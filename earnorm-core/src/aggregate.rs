//! Measures and distinct values over documents in memory, with MongoDB's results.

mod decimal;
mod measure;
mod summation;
#[cfg(test)]
mod tests;

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};

use bson::{Bson, Document};

use crate::error::Result;
use crate::predicate::OrderedBson;
use crate::predicate::path::split;
use crate::store::{AggregateRow, Aggregation};
use measure::Accumulator;

/// The rows of `aggregation` over `documents`, which match already. Its collection and predicate are not looked at.
///
/// # Errors
/// [`crate::Error::InvalidQuery`] when integers overflow int64.
pub fn aggregate(
    aggregation: &Aggregation,
    documents: impl IntoIterator<Item: Borrow<Document>>,
) -> Result<Vec<AggregateRow>> {
    let fresh = || aggregation.measures.iter().map(Accumulator::new).collect::<Vec<_>>();
    let mut groups = BTreeMap::new();
    if aggregation.group_by.is_none() {
        groups.insert(OrderedBson(Bson::Null), fresh());
    }
    for document in documents {
        let document = document.borrow();
        let key = aggregation.group_by.as_deref().and_then(|path| value_at(document, path));
        let key = OrderedBson(key.map_or(Bson::Null, Cow::into_owned));
        for accumulator in groups.entry(key).or_insert_with(fresh) {
            accumulator.add(document);
        }
    }
    let row = |(key, accumulators): (OrderedBson, Vec<Accumulator<'_>>)| {
        let values = accumulators.into_iter().map(Accumulator::finish).collect::<Result<_>>()?;
        Ok(AggregateRow { key: key.0, values })
    };
    groups.into_iter().map(row).collect()
}

/// The different values at `path`, in BSON order. Arrays give their elements; missing gives nothing.
pub fn distinct(path: &str, documents: impl IntoIterator<Item: Borrow<Document>>) -> Vec<Bson> {
    let mut found = BTreeSet::new();
    for document in documents {
        spread(document.borrow(), path, &mut |value| {
            found.insert(OrderedBson(value.clone()));
        });
    }
    found.into_iter().map(|value| value.0).collect()
}

fn spread(document: &Document, path: &str, each: &mut dyn FnMut(&Bson)) {
    let (name, rest) = split(path);
    match (document.get(name), rest) {
        (Some(Bson::Array(items)), None) => items.iter().for_each(each),
        (Some(value), None) => each(value),
        (Some(Bson::Document(inner)), Some(rest)) => spread(inner, rest, each),
        (Some(Bson::Array(items)), Some(rest)) => spread_array(items, rest, each),
        _ => {}
    }
}

fn spread_array(items: &[Bson], path: &str, each: &mut dyn FnMut(&Bson)) {
    let (name, rest) = split(path);
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let item = crate::predicate::path::place(name).and_then(|place| items.get(place));
        return match (item, rest) {
            (Some(Bson::Array(inner)), None) => inner.iter().for_each(each),
            (Some(value), None) => each(value),
            (Some(Bson::Document(inner)), Some(rest)) => spread(inner, rest, each),
            (Some(Bson::Array(inner)), Some(rest)) => spread_array(inner, rest, each),
            _ => {}
        };
    }
    for item in items {
        if let Bson::Document(inner) = item {
            spread(inner, path, each);
        }
    }
}

/// The value that a path names in a measure: through an array it is the array of what its documents hold there.
fn value_at<'a>(document: &'a Document, path: &str) -> Option<Cow<'a, Bson>> {
    let (name, rest) = split(path);
    match (document.get(name)?, rest) {
        (value, None) => Some(Cow::Borrowed(value)),
        (Bson::Document(inner), Some(rest)) => value_at(inner, rest),
        (Bson::Array(items), Some(rest)) => {
            let inner = items.iter().filter_map(Bson::as_document);
            let values = inner.filter_map(|inner| value_at(inner, rest)).map(Cow::into_owned).collect();
            Some(Cow::Owned(Bson::Array(values)))
        }
        _ => None,
    }
}
