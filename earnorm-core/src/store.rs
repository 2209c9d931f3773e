//! The port that every backend implements, and the requests it answers.

use std::fmt;

use async_trait::async_trait;
use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

use crate::commit::{Checkpoint, Commit, Committed};
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::pattern::EventPattern;
use crate::position::Position;
use crate::predicate::Predicate;
use crate::schema::CollectionSpec;
use crate::stream::StreamId;

/// Documents as they are read.
pub type DocumentStream = BoxStream<'static, Result<Document>>;

/// A place for the log and the state documents.
///
/// One method writes: [`Store::commit`]. Everything else reads, and no read opens a database transaction. All futures
/// may be dropped at any point: a dropped commit is wholly durable or leaves nothing.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// What this store can and cannot do.
    fn capabilities(&self) -> &Capabilities;

    /// The upkeep side of the store.
    fn admin(&self) -> &dyn StoreAdmin;

    /// Makes all of `commit` durable, or none of it.
    ///
    /// # Errors
    /// - [`crate::Error::Conflict`]: a stream, document or check is not at its expected version (both versions named);
    /// - [`crate::Error::Unique`]: a unique index refuses a document (fields named);
    /// - [`crate::Error::CheckpointConflict`]: a checkpoint is not as expected;
    /// - [`crate::Error::CommitTooLarge`], [`crate::Error::TooLarge`], [`crate::Error::TooDeep`],
    ///   [`crate::Error::InvalidField`], [`crate::Error::InvalidCommit`]: refused before anything is sent;
    /// - [`crate::Error::Store`]: the store failed; `was_applied()` says whether the commit is there.
    ///
    /// The same commit id again answers with the receipt of the first time.
    async fn commit(&self, commit: Commit) -> Result<Committed>;

    /// The events of one stream, in version order. Not bound by the high-water mark: a stream's own order is complete.
    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>>;

    /// A page of the log in position order, never past the high-water mark.
    async fn read_log(&self, query: LogQuery) -> Result<LogPage>;

    /// The end of the run of positions without a hole: nothing ever appears at or below it. Holes that are older than
    /// the grace are filled on the way.
    async fn high_water(&self) -> Result<Position>;

    /// One document by id.
    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>>;

    /// Documents that match, sorted, cut and projected.
    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream>;

    /// How many documents match.
    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64>;

    /// The different values at `path` in documents that match, in BSON order, null included where it is stored.
    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>>;

    /// Measures over documents that match, one row a group in BSON order of the key. Without `group_by` there is
    /// exactly one row, also over nothing.
    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>>;

    /// A pipeline in the database's own language; [`crate::Error::Unsupported`] where there is none.
    async fn aggregate_raw(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>>;

    /// A consumer's checkpoint.
    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>>;

    /// Lets waiting commits finish and gives connections back. Later calls answer [`crate::Error::Closed`].
    async fn close(&self) -> Result<()>;
}

/// Upkeep, which never changes an event or the meaning of a document.
#[async_trait]
pub trait StoreAdmin: Send + Sync {
    /// Creates the collections and indexes that are missing and reports what differs from the specification. Nothing
    /// is ever dropped.
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>>;
}

/// An index that is there, but not as specified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The collection.
    pub collection: String,
    /// The index's name in the database.
    pub index: String,
    /// How it differs.
    pub difference: String,
}

impl Drift {
    /// A difference between an index and its specification.
    pub fn new(collection: impl Into<String>, index: impl Into<String>, difference: impl Into<String>) -> Self {
        Self { collection: collection.into(), index: index.into(), difference: difference.into() }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index `{}` of `{}`: {}", self.index, self.collection, self.difference)
    }
}

/// What a store can and cannot do. What it cannot do it refuses with [`crate::Error::Unsupported`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Its name in errors: `memory`, `mongodb`.
    pub name: &'static str,
    /// Whether [`Predicate::Raw`] and [`Store::aggregate_raw`] work.
    pub raw_queries: bool,
    /// Whether what was acknowledged survives the process.
    pub durable: bool,
    /// Whether positions are reserved before they are filled, so that holes can arise.
    pub reserves_positions: bool,
}

impl Capabilities {
    /// A store that can do none of it.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, raw_queries: false, durable: false, reserves_positions: false }
    }

    /// It knows queries of its own.
    #[must_use]
    pub const fn raw_queries(mut self) -> Self {
        self.raw_queries = true;
        self
    }

    /// What it acknowledged survives the process.
    #[must_use]
    pub const fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// It reserves positions before it fills them.
    #[must_use]
    pub const fn reserves_positions(mut self) -> Self {
        self.reserves_positions = true;
        self
    }
}

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
