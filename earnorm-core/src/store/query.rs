//! The requests that a store answers.

use std::fmt;

use bson::Bson;
use chrono::{DateTime, Utc};

use crate::event::RecordedEvent;
use crate::pattern::EventPattern;
use crate::position::Position;
use crate::predicate::Predicate;
use crate::stream::StreamId;

/// Which events of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamQuery {
    /// The stream.
    pub stream: StreamId,
    /// The first version, 1 for the start.
    pub from: u64,
    /// The last version.
    pub to: u64,
    /// At most so many, from the end where the reading starts.
    pub limit: usize,
    /// Newest first.
    pub backwards: bool,
}

impl StreamQuery {
    /// The whole stream.
    #[must_use]
    pub fn all(stream: StreamId) -> Self {
        Self { stream, from: 1, to: u64::MAX, limit: usize::MAX, backwards: false }
    }

    /// The last event only.
    #[must_use]
    pub fn last(stream: StreamId) -> Self {
        Self { limit: 1, backwards: true, ..Self::all(stream) }
    }
}

/// Which events of the log. Conditions are joined by and; lists by or; empty lists do not restrict.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// Only positions above this one.
    pub after: Position,
    /// Only positions up to this one.
    pub upto: Position,
    /// Newest first.
    pub backwards: bool,
    /// At most so many events; at least 1.
    pub limit: usize,
    /// Only these streams.
    pub streams: Vec<StreamId>,
    /// Only these categories.
    pub categories: Vec<String>,
    /// Only types that match one of these.
    pub types: Vec<EventPattern>,
    /// Only events recorded at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Only events recorded before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only events of this actor.
    pub actor: Option<String>,
    /// Only events of this flow.
    pub correlation_id: Option<String>,
}

impl Default for LogQuery {
    fn default() -> Self {
        Self {
            after: Position::START,
            upto: Position::END,
            backwards: false,
            limit: 1_000,
            streams: Vec::new(),
            categories: Vec::new(),
            types: Vec::new(),
            since: None,
            until: None,
            actor: None,
            correlation_id: None,
        }
    }
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The events, in the asked order.
    pub events: Vec<RecordedEvent>,
    /// The high-water mark that bounded the page.
    pub high_water: Position,
    /// Whether more may match within `(after, min(upto, high_water)]`.
    pub more: bool,
}

/// Which documents.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentQuery {
    /// The collection.
    pub collection: String,
    /// The condition.
    pub predicate: Predicate,
    /// The order: BSON's, missing as null. Without keys the order is the store's own.
    pub sort: Vec<SortKey>,
    /// How many matching documents to pass over.
    pub skip: u64,
    /// At most so many.
    pub limit: Option<u64>,
    /// Only these dotted paths, and `_id`.
    pub projection: Option<Vec<String>>,
}

impl DocumentQuery {
    /// All documents of `collection` that match.
    pub fn new(collection: impl Into<String>, predicate: Predicate) -> Self {
        Self { collection: collection.into(), predicate, sort: Vec::new(), skip: 0, limit: None, projection: None }
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// Dotted path.
    pub path: String,
    /// Downwards.
    pub descending: bool,
}

/// Measures over documents.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregation {
    /// The collection.
    pub collection: String,
    /// The condition.
    pub predicate: Predicate,
    /// The dotted path whose values make the groups; missing counts as null.
    pub group_by: Option<String>,
    /// What is measured in each group.
    pub measures: Vec<Measure>,
}

/// One measure. Null, missing and values that are not numbers are passed over by sum and avg; null and missing by min
/// and max.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    /// How many documents: int64.
    Count,
    /// The sum of the numbers at a path: int64 for integers, double or Decimal128 if one of these is among them;
    /// int64 0 over nothing. [`crate::Error::InvalidQuery`] when integers overflow int64.
    Sum(String),
    /// The mean of the numbers at a path: double, or Decimal128 if one is among them; null over nothing.
    Avg(String),
    /// The lowest value in BSON order; null over nothing.
    Min(String),
    /// The highest value in BSON order; null over nothing.
    Max(String),
}

/// The measures of one group.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateRow {
    /// The group's value; null without `group_by`.
    pub key: Bson,
    /// One value a measure, in the order asked.
    pub values: Vec<Bson>,
}

/// How a store answers a query: what its indexes do, and what is left to be looked at document by document.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// The store.
    pub store: &'static str,
    /// The indexes that are used, by the names that the store has for them; `_id` is the documents' own. Without any,
    /// every document of the collection is read.
    pub indexes: Vec<String>,
    /// The parts of the condition that choose which documents are read.
    pub pushed: Vec<String>,
    /// The parts for which documents are read and tested.
    pub after: Vec<String>,
    /// Whether documents are put in order after they were found, and not read in it.
    pub sorts: bool,
    /// The plan in the store's own language.
    pub plan: String,
}

impl Explanation {
    /// An explanation that says nothing of indexes yet.
    pub fn new(store: &'static str, plan: impl Into<String>) -> Self {
        let (indexes, pushed, after) = (Vec::new(), Vec::new(), Vec::new());
        Self { store, indexes, pushed, after, sorts: false, plan: plan.into() }
    }
}

/// For people, a line for each thing to know.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join("; ") };
        writeln!(f, "indexes: {}", list(&self.indexes, "none, every document is read"))?;
        writeln!(f, "chosen by: {}", list(&self.pushed, "nothing"))?;
        writeln!(f, "tested after: {}", list(&self.after, "nothing"))?;
        writeln!(f, "order: {}", if self.sorts { "sorted after" } else { "as read" })?;
        write!(f, "plan: {}", self.plan)
    }
}
