//! A store that does nothing and says that all went well.

use async_trait::async_trait;
use bson::{Bson, Document};
use earnorm_core::Result;
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Drift, EntryQuery, Explanation, Finding,
    LogEntry, LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamHead, StreamQuery,
};
use futures::{StreamExt, stream};

/// Does nothing.
#[derive(Debug)]
pub(crate) struct Idle(Capabilities);

impl Default for Idle {
    fn default() -> Self {
        Self(Capabilities::new("idle"))
    }
}

#[async_trait]
impl StoreAdmin for Idle {
    async fn prepare(&self, _: &[CollectionSpec]) -> Result<Vec<Drift>> {
        Ok(Vec::new())
    }

    fn own(&self, _: Own) -> String {
        String::new()
    }

    async fn put(&self, _: &str, documents: Vec<Document>, _: PutRule) -> Result<u64> {
        Ok(documents.len() as u64)
    }

    async fn remove(&self, _: &str, _: &Predicate) -> Result<u64> {
        Ok(0)
    }

    async fn swap(&self, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn drop_collection(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn streams(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<StreamHead>> {
        Ok(Vec::new())
    }

    async fn scan(&self, _: &str, _: Option<(&str, u64)>, _: usize) -> Result<Vec<RecordedEvent>> {
        Ok(Vec::new())
    }

    async fn categories(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn entries(&self, _: EntryQuery) -> Result<Vec<LogEntry>> {
        Ok(Vec::new())
    }

    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        Ok(entries.len() as u64)
    }

    async fn truncate(&self, _: Position, _: &[Position]) -> Result<u64> {
        Ok(0)
    }

    async fn truncated(&self) -> Result<Position> {
        Ok(Position::START)
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        Ok(Vec::new())
    }

    async fn remove_checkpoint(&self, _consumer: &str, _expected: Checkpoint) -> Result<bool> {
        Ok(true)
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Store for Idle {
    fn capabilities(&self) -> &Capabilities {
        &self.0
    }

    fn admin(&self) -> &dyn StoreAdmin {
        self
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        Ok(Committed { id: commit.id, events: Vec::new() })
    }

    async fn read_stream(&self, _: StreamQuery) -> Result<Vec<RecordedEvent>> {
        Ok(Vec::new())
    }

    async fn read_log(&self, _: LogQuery) -> Result<LogPage> {
        Ok(LogPage { events: Vec::new(), high_water: Position::START, more: false })
    }

    async fn high_water(&self) -> Result<Position> {
        Ok(Position::START)
    }

    async fn get(&self, _: &str, _: &Bson) -> Result<Option<Document>> {
        Ok(None)
    }

    async fn find(&self, _: DocumentQuery) -> Result<DocumentStream> {
        Ok(stream::empty().boxed())
    }

    async fn explain(&self, _: &DocumentQuery) -> Result<Explanation> {
        Ok(Explanation::new("idle", "nothing"))
    }

    async fn count(&self, _: &str, _: &Predicate) -> Result<u64> {
        Ok(0)
    }

    async fn distinct(&self, _: &str, _: &Predicate, _: &str) -> Result<Vec<Bson>> {
        Ok(Vec::new())
    }

    async fn aggregate(&self, _: Aggregation) -> Result<Vec<AggregateRow>> {
        Ok(Vec::new())
    }

    async fn aggregate_raw(&self, _: &str, _: Vec<Document>) -> Result<Vec<Document>> {
        Ok(Vec::new())
    }

    async fn checkpoint(&self, _: &str) -> Result<Option<Checkpoint>> {
        Ok(None)
    }

    async fn moved(&self, _: Position) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }
}
