//! The in-memory store: a complete store without durability, for tests and small tools.
//!
//! One lock guards the state. It is never held over an await, a commit under it either happens as a whole or is undone,
//! and positions are given out under it, so the log never has a hole.

mod admin;
mod backend;
mod collection;
mod commit;
mod documents;
mod index;
mod log;
mod query;
mod state;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bson::{Bson, Document};
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::event::RecordedEvent;
use earnorm_core::limits::Limits;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Explanation, LogPage, LogQuery, Store,
    StoreAdmin, StreamQuery,
};
use earnorm_core::{Error, Result};
use futures::StreamExt;
use tokio::sync::watch;

use crate::documents::projection::Projection;
use state::State;

/// The name in errors and capabilities.
pub(crate) const NAME: &str = "memory";
static CAPABILITIES: Capabilities = Capabilities::new(NAME);
/// How long [`Store::moved`] waits at most.
const MOVED_MAX: Duration = Duration::from_secs(1);

/// A store that lives as long as its last handle. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    /// The end of the log, for those who wait; [`Position::END`] once the store is closed.
    moved: Arc<watch::Sender<Position>>,
    limits: Limits,
}

/// Without its content: documents and keys of personal data belong in no log.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("limits", &self.limits).finish_non_exhaustive()
    }
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

    /// Wakes those who wait for the log to reach past what they have seen.
    fn signal(&self, end: Position) {
        self.moved.send_if_modified(|at| {
            let higher = end > *at;
            *at = end.max(*at);
            higher
        });
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
        let (committed, end) = {
            let mut state = self.open()?;
            (state.commit(commit)?, state.log.end())
        };
        self.signal(end);
        Ok(committed)
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
        let projection = query.projection.as_deref().map(Projection::new);
        let read = move |document: Arc<Document>| match &projection {
            Some(projection) => Ok(projection.apply(&document)),
            None => Ok(Arc::unwrap_or_clone(document)),
        };
        Ok(futures::stream::iter(found.into_iter().map(read)).boxed())
    }

    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        query::explain(&*self.open()?, query)
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

    async fn moved(&self, position: Position) -> Result<()> {
        let mut moved = self.moved.subscribe();
        drop(self.open()?);
        // The time-out is an answer as good as any: it is a hint to look.
        let _ = tokio::time::timeout(MOVED_MAX, moved.wait_for(|end| *end > position)).await;
        self.open().map(|_| ())
    }

    async fn close(&self) -> Result<()> {
        self.lock().closed = true;
        self.signal(Position::END);
        Ok(())
    }
}
