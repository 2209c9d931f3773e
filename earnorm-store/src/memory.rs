//! The in-memory store: a complete store without durability, for tests and small tools.
//!
//! One lock guards the state. It is never held over an await, a commit under it either happens as a whole or is undone,
//! and positions are given out under it, so the log never has a hole.

mod backend;
mod collection;
mod commit;
mod documents;
mod index;
mod log;
mod patch;
mod projection;
mod query;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bson::{Bson, Document};
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::event::RecordedEvent;
use earnorm_core::limits::Limits;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Drift, EntryQuery, Finding, LogEntry,
    LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamHead, StreamQuery,
};
use earnorm_core::{Error, Result};
use futures::StreamExt;

use state::State;

/// The name in errors and capabilities.
pub(crate) const NAME: &str = "memory";
static CAPABILITIES: Capabilities = Capabilities::new(NAME);

/// A store that lives as long as its last handle. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    limits: Limits,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what one commit through this handle may hold.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The state, while the store is open.
    fn open(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        if state.closed { Err(Error::Closed) } else { Ok(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic under the lock would be a bug in code that changes nothing before it has checked everything.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn admin(&self) -> &dyn StoreAdmin {
        self
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.limits.check(&commit)?;
        self.open()?.commit(commit)
    }

    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        let events = self.open()?.log.stream(&query);
        Ok(events.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        let (events, high_water, more) = {
            let state = self.open()?;
            let (events, more) = state.log.page(&query);
            (events, state.log.end(), more)
        };
        Ok(LogPage { events: events.into_iter().map(Arc::unwrap_or_clone).collect(), high_water, more })
    }

    async fn high_water(&self) -> Result<Position> {
        Ok(self.open()?.log.end())
    }

    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        let found = self.open()?.collection(collection).and_then(|documents| documents.get(id).cloned());
        Ok(found.map(Arc::unwrap_or_clone))
    }

    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        let found = query::find(&*self.open()?, &query)?;
        let projection = query.projection.as_deref().map(projection::Projection::new);
        let read = move |document: Arc<Document>| match &projection {
            Some(projection) => Ok(projection.apply(&document)),
            None => Ok(Arc::unwrap_or_clone(document)),
        };
        Ok(futures::stream::iter(found.into_iter().map(read)).boxed())
    }

    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        query::count(&*self.open()?, collection, predicate)
    }

    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        let found = query::matching(&*self.open()?, collection, predicate)?;
        Ok(earnorm_core::aggregate::distinct(path, found.iter().map(Arc::as_ref)))
    }

    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        let found = query::matching(&*self.open()?, &aggregation.collection, &aggregation.predicate)?;
        earnorm_core::aggregate::aggregate(&aggregation, found.iter().map(Arc::as_ref))
    }

    async fn aggregate_raw(&self, _: &str, _: Vec<Document>) -> Result<Vec<Document>> {
        let unsupported = Error::Unsupported { store: NAME, what: "run a raw pipeline; use the typed measures" };
        self.open().and(Err(unsupported))
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        Ok(self.open()?.checkpoint(consumer))
    }

    async fn moved(&self, _: Position) -> Result<()> {
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.lock().closed = true;
        Ok(())
    }
}

#[async_trait]
impl StoreAdmin for MemoryStore {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let mut state = self.open()?;
        let mut drifts = Vec::new();
        for spec in collections {
            drifts.extend(state.documents.prepare(spec)?);
        }
        Ok(drifts)
    }

    fn own(&self, what: Own) -> String {
        what.suffix().to_owned()
    }

    async fn put(&self, _: &str, _: Vec<Document>, _: PutRule) -> Result<u64> {
        Err(unsupported())
    }

    async fn remove(&self, _: &str, _: &Predicate) -> Result<u64> {
        Err(unsupported())
    }

    async fn swap(&self, _: &str, _: &str) -> Result<()> {
        Err(unsupported())
    }

    async fn drop_collection(&self, _: &str) -> Result<()> {
        Err(unsupported())
    }

    async fn streams(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<StreamHead>> {
        Err(unsupported())
    }

    async fn scan(&self, _: &str, _: Option<(&str, u64)>, _: usize) -> Result<Vec<RecordedEvent>> {
        Err(unsupported())
    }

    async fn categories(&self) -> Result<Vec<String>> {
        Err(unsupported())
    }

    async fn entries(&self, _: EntryQuery) -> Result<Vec<LogEntry>> {
        Err(unsupported())
    }

    async fn append_entries(&self, _: Vec<LogEntry>) -> Result<u64> {
        Err(unsupported())
    }

    async fn truncate(&self, _: Position, _: &[Position]) -> Result<u64> {
        Err(unsupported())
    }

    async fn truncated(&self) -> Result<Position> {
        Err(unsupported())
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        Err(unsupported())
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        Err(unsupported())
    }
}

fn unsupported() -> Error {
    Error::Unsupported { store: NAME, what: "do upkeep" }
}
