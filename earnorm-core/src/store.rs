//! The port that every backend implements, and the requests it answers.

mod admin;
mod query;

use std::fmt;

use async_trait::async_trait;
use bson::{Bson, Document, RawDocumentBuf};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::commit::{Checkpoint, Commit, Committed};
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::limits::decode_of;
use crate::position::Position;
use crate::predicate::Predicate;

pub use admin::{Drift, EntryQuery, Finding, LogEntry, Own, PutRule, Severity, StoreAdmin, StreamHead};
pub use query::{
    AggregateRow, Aggregation, DocumentQuery, Explanation, LogPage, LogQuery, Measure, SortKey, StreamQuery,
};

/// Documents as they are read.
pub type DocumentStream = BoxStream<'static, Result<Document>>;

/// A document as a store has it at hand.
#[derive(Debug, Clone)]
pub enum StoredDocument {
    /// As it is.
    Document(Document),
    /// As BSON that was not looked at yet.
    Bytes(RawDocumentBuf),
}

impl StoredDocument {
    /// The document; its errors name the collection.
    ///
    /// # Errors
    /// As [`decode_of`] has.
    pub fn into_document(self, collection: &str) -> Result<Document> {
        match self {
            Self::Document(document) => Ok(document),
            Self::Bytes(bytes) => decode_of(collection, &bytes),
        }
    }
}

/// Documents as a store has them at hand.
pub type StoredDocumentStream = BoxStream<'static, Result<StoredDocument>>;

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

    /// How many connections to its database it holds open now; `None` where it has none, or cannot tell.
    fn connections(&self) -> Option<u64> {
        None
    }

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

    /// As [`Store::find`], with each document as the store has it at hand: who makes a struct of it need not make a
    /// document first. What is wrong with bytes is found by whoever reads them.
    async fn find_stored(&self, query: DocumentQuery) -> Result<StoredDocumentStream> {
        Ok(self.find(query).await?.map_ok(StoredDocument::Document).boxed())
    }

    /// How [`Store::find`] answers a query, without reading its documents.
    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation>;

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

    /// Waits until the log may reach past `position`: a hint to look, which may come for nothing. It answers at once
    /// when the log is past it already, and within a second or so whatever happens, so that nothing depends on it.
    async fn moved(&self, position: Position) -> Result<()>;

    /// Lets waiting commits finish and gives connections back. Later calls answer [`crate::Error::Closed`].
    async fn close(&self) -> Result<()>;
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
