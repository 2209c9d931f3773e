//! The MongoDB store: a log and state documents in one replica set, written in one transaction a commit.
//!
//! Commits that wait at the same time share a transaction (`committer`, `batch`). It writes their guarded state
//! documents first, then reserves positions outside the transaction but inside its lifetime, then inserts the events
//! and commits (`attempt`). Positions that were reserved and given up are holes; readers fill them with tombstones and
//! never pass one that could still be written (`mark`).

mod admin;
mod aggregate;
mod attempt;
mod backend;
mod backoff;
mod batch;
mod batching;
mod codec;
mod commit;
mod committer;
mod connections;
mod culprits;
mod duplicates;
mod entries;
mod error;
mod events;
mod examine;
mod explain;
mod failure;
mod fault;
mod feed;
mod filter;
mod fitness;
mod guard;
mod heads;
mod import;
mod inner;
mod judge;
mod log;
mod mark;
mod member;
mod meters;
mod options;
mod pattern;
mod prepare;
mod put;
mod query;
mod raw;
mod refusal;
mod reserve;
mod second_look;
mod settle;
mod streams;
mod swap;
mod truncate;
#[cfg(test)]
mod unconnected;
mod upkeep;
mod watchdog;

#[doc(hidden)]
#[path = "mongo/private.rs"]
pub mod __private;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bson::{Bson, Document};
use earnorm_core::Result;
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Explanation, LogPage, LogQuery, Store,
    StoreAdmin, StoredDocumentStream, StreamQuery,
};

pub use self::batching::Batching;
#[cfg(feature = "conformance")]
use self::fault::Fault;
use self::inner::Inner;
pub use self::options::MongoStoreBuilder;

/// A store on a MongoDB replica set. Clones share one pool of connections.
#[derive(Clone)]
pub struct MongoStore {
    inner: Arc<Inner>,
}

impl fmt::Debug for MongoStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoStore").field("database", &self.inner.db.name()).finish_non_exhaustive()
    }
}

impl MongoStore {
    fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Connects with the defaults of [`MongoStore::builder`].
    ///
    /// # Errors
    /// [`earnorm_core::Error::Connect`] names what was tried, with passwords hidden, and why it failed.
    pub async fn connect(uri: &str) -> Result<Self> {
        Self::builder(uri).connect().await
    }

    /// Sets up a store at `uri`, such as `mongodb://localhost/app?replicaSet=rs0`.
    pub fn builder(uri: &str) -> MongoStoreBuilder {
        MongoStoreBuilder::new(uri)
    }

    /// Sends `commit` as a hostile writer would; for the conformance suite.
    ///
    /// # Errors
    /// As [`Store::commit`]; a writer that is gone answers [`earnorm_core::Error::Store`].
    #[cfg(feature = "conformance")]
    #[doc(hidden)]
    pub async fn sabotage(&self, commit: Commit, how: crate::sabotage::Sabotage) -> Result<Committed> {
        commit::run(&self.inner, commit, Some(Fault::of(how))).await
    }

    /// Sends commits that touch nothing in common, with each other or with others on their way, in one transaction, as
    /// a hostile writer would; for tests.
    ///
    /// # Errors
    /// As [`Store::commit`], for the first that is not even sent; else one answer a commit.
    #[cfg(feature = "conformance")]
    #[doc(hidden)]
    pub async fn sabotage_together(
        &self,
        commits: Vec<Commit>,
        how: crate::sabotage::Sabotage,
    ) -> Result<Vec<Result<Committed>>> {
        commit::run_together(&self.inner, commits, Fault::of(how)).await
    }
}

#[async_trait]
impl Store for MongoStore {
    fn capabilities(&self) -> &Capabilities {
        &self.inner.capabilities
    }

    fn admin(&self) -> &dyn StoreAdmin {
        self
    }

    fn connections(&self) -> Option<u64> {
        Some(self.inner.connections.open())
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        let committed = commit::run(&self.inner, commit, None).await?;
        if let Some(last) = committed.events.last() {
            self.inner.upkeep.feed.tell(last.position.get());
        }
        Ok(committed)
    }

    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.inner.open()?;
        self.inner.read_stream(&query).await
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.inner.open()?;
        self.inner.read_log(&query).await
    }

    async fn high_water(&self) -> Result<Position> {
        self.inner.open()?;
        self.inner.high_water().await.map(Position::new)
    }

    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        self.inner.open()?;
        self.inner.get(collection, id).await
    }

    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        self.inner.open()?;
        self.inner.find(query).await
    }

    async fn find_stored(&self, query: DocumentQuery) -> Result<StoredDocumentStream> {
        self.inner.open()?;
        self.inner.find_stored(query).await
    }

    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        self.inner.open()?;
        self.inner.explain(query).await
    }

    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.inner.open()?;
        self.inner.count(collection, predicate).await
    }

    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        self.inner.open()?;
        self.inner.distinct(collection, predicate, path).await
    }

    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        self.inner.open()?;
        self.inner.aggregate(&aggregation).await
    }

    async fn aggregate_raw(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        self.inner.open()?;
        self.inner.pipeline(collection, pipeline).await
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        self.inner.open()?;
        self.inner.checkpoint(consumer).await
    }

    async fn moved(&self, position: Position) -> Result<()> {
        self.inner.open()?;
        feed::moved(&self.inner, position.get()).await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
