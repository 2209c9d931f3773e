//! A store that passes everything on to an honest one, but for its lie.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Explanation, LogPage, LogQuery, Store,
    StoreAdmin, StoredDocument, StoredDocumentStream, StreamQuery,
};
use earnorm_core::{Error, Result};
use earnorm_store::MemoryStore;
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{Lie, filters, reads, writes};

/// A liar, and what it must remember to lie well.
#[derive(Debug)]
pub(crate) struct Liar {
    pub(crate) inner: MemoryStore,
    pub(crate) lie: Lie,
    capabilities: Capabilities,
    memory: Mutex<Memory>,
}

/// What a liar remembers.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The times that events were sent with.
    pub(crate) sent: HashMap<Uuid, DateTime<Utc>>,
    /// Events that readers were not shown the first time.
    pub(crate) hidden: HashSet<Uuid>,
    /// Commits that were refused.
    pub(crate) refused: HashSet<Uuid>,
    /// Documents that were written and not read yet.
    pub(crate) fresh: HashSet<String>,
    /// The receipts of commits, by what they held.
    pub(crate) receipts: HashMap<String, Committed>,
    /// The latest time of any event.
    pub(crate) latest: Option<DateTime<Utc>>,
    /// Collections that were prepared.
    pub(crate) prepared: HashSet<String>,
    /// Whether someone waits, or has gone while he waited.
    waits: bool,
    counted: i64,
}

impl Memory {
    /// How often this was asked.
    pub(crate) fn count(&mut self) -> i64 {
        self.counted += 1;
        self.counted
    }
}

impl Liar {
    pub(crate) fn new(inner: MemoryStore, lie: Lie) -> Self {
        let honest = inner.capabilities().clone();
        let capabilities = match lie {
            Lie::ClaimsToBeDurable => honest.durable(),
            Lie::ClaimsToReservePositions => honest.reserves_positions(),
            Lie::HasNoName => Capabilities::new(""),
            _ => honest,
        };
        Self { inner, lie, capabilities, memory: Mutex::default() }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }
}

#[async_trait]
impl Store for Liar {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn admin(&self) -> &dyn StoreAdmin {
        self
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        writes::commit(self, commit).await
    }

    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        let events = self.inner.read_stream(reads::stream_query(self.lie, query)).await?;
        if self.lie == Lie::RefusesEmptyStreams && events.is_empty() {
            return Err(Error::Closed);
        }
        Ok(events.into_iter().map(|event| reads::event(self, event)).collect())
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        let page = self.inner.read_log(reads::log_query(self.lie, query.clone())).await?;
        Ok(reads::page(self, &query, page))
    }

    async fn high_water(&self) -> Result<Position> {
        Ok(reads::mark(self, self.inner.high_water().await?))
    }

    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        Ok(reads::got(self, collection, id, self.inner.get(collection, id).await?))
    }

    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        let twisted = reads::document_query(self.lie, query.clone());
        let found: Vec<Document> = self.inner.find(twisted).await?.try_collect().await?;
        let found = reads::found(self.lie, &query, found);
        Ok(stream::iter(found.into_iter().map(Ok)).boxed())
    }

    async fn find_stored(&self, query: DocumentQuery) -> Result<StoredDocumentStream> {
        let passed = usize::from(self.lie == Lie::HandsOverLess);
        Ok(self.find(query).await?.skip(passed).map_ok(StoredDocument::Document).boxed())
    }

    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        match self.inner.explain(query).await {
            Err(Error::InvalidQuery { .. }) if self.lie == Lie::ExplainsWhatIsRefused => Ok(Explanation::new("", "")),
            answer => Ok(reads::explained(self.lie, answer?)),
        }
    }

    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.inner.count(collection, &filters::predicate(self.lie, predicate.clone())).await
    }

    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        let predicate = filters::predicate(self.lie, predicate.clone());
        Ok(reads::distinct(self.lie, self.inner.distinct(collection, &predicate, path).await?))
    }

    async fn aggregate(&self, mut aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        aggregation.predicate = filters::predicate(self.lie, aggregation.predicate);
        reads::aggregate(self, aggregation).await
    }

    async fn aggregate_raw(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        match self.lie {
            Lie::RunsEmptyPipelines => Ok(Vec::new()),
            _ => self.inner.aggregate_raw(collection, pipeline).await,
        }
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        self.inner.checkpoint(writes::consumer(self.lie, consumer)).await
    }

    async fn moved(&self, position: Position) -> Result<()> {
        match self.lie {
            Lie::SaysThatItMoved => Ok(()),
            // It waits for what never comes.
            Lie::SleepsThroughCommits => self.inner.moved(Position::END).await,
            Lie::DroppedWaitsHoldOthersUp => {
                if std::mem::replace(&mut self.memory().waits, true) {
                    return Err(Error::Closed);
                }
                self.inner.moved(position).await?;
                self.memory().waits = false;
                Ok(())
            }
            _ => self.inner.moved(position).await,
        }
    }

    async fn close(&self) -> Result<()> {
        if self.lie == Lie::StaysOpen { Ok(()) } else { self.inner.close().await }
    }
}
