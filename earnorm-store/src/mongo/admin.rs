//! The upkeep port: each question is answered in a file of its own.

use async_trait::async_trait;
use bson::Document;
use earnorm_core::Result;
use earnorm_core::commit::Checkpoint;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{Drift, EntryQuery, Finding, LogEntry, Own, PutRule, StoreAdmin, StreamHead};

use super::MongoStore;
use super::inner::Inner;

impl MongoStore {
    /// The store, while it is open.
    fn opened(&self) -> Result<&Inner> {
        self.inner.open()?;
        Ok(&self.inner)
    }
}

#[async_trait]
impl StoreAdmin for MongoStore {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let mut drift = self.opened()?.prepare_base().await?;
        drift.extend(self.inner.prepare_models(collections).await?);
        Ok(drift)
    }

    fn own(&self, what: Own) -> String {
        self.inner.own(what)
    }

    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        self.opened()?.put(collection, documents, rule).await
    }

    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.opened()?.remove(collection, predicate).await
    }

    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        self.opened()?.swap(shadow, live).await
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.opened()?.drop_collection(collection).await
    }

    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        self.opened()?.streams(category, after, limit).await
    }

    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        self.opened()?.scan(category, after, limit).await
    }

    async fn categories(&self) -> Result<Vec<String>> {
        self.opened()?.categories().await
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>> {
        self.opened()?.entries(&query).await
    }

    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        self.opened()?.append_entries(&entries).await
    }

    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        self.opened()?.truncate(upto, kept).await
    }

    async fn truncated(&self) -> Result<Position> {
        self.opened()?.truncated().await.map(Position::new)
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        self.opened()?.checkpoints().await
    }

    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        self.opened()?.remove_checkpoint(consumer, expected).await
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        self.opened()?.examine().await
    }
}
