//! Stores that are wrong in one way: the machine must find each of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::bson::{Bson, Document};
use earnorm::commit::{Checkpoint, Commit, Committed};
use earnorm::error::Result;
use earnorm::event::RecordedEvent;
use earnorm::position::Position;
use earnorm::predicate::Predicate;
use earnorm::schema::CollectionSpec;
use earnorm::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Drift, EntryQuery, Explanation, Finding,
    LogEntry, LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamHead, StreamQuery,
};

/// What a liar gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// One document of many is not written, though its event is.
    LosesADocument,
    /// One document of many is answered as it was before.
    AnswersTheVersionBefore,
    /// Two live documents may have the same code.
    ForgetsWhatIsUnique,
    /// Of a unit that is refused, the first instance is written all the same.
    WritesHalfOfWhatItRefuses,
    /// A stream of more than three events is read without its last one.
    LosesTheLastEvent,
    /// A shadow that fills up gets no first document.
    RebuildsWithoutTheFirst,
}

pub(super) const LIES: [Lie; 6] = [
    Lie::LosesADocument,
    Lie::AnswersTheVersionBefore,
    Lie::ForgetsWhatIsUnique,
    Lie::WritesHalfOfWhatItRefuses,
    Lie::LosesTheLastEvent,
    Lie::RebuildsWithoutTheFirst,
];

pub(super) struct Liar {
    inner: Arc<dyn Store>,
    lie: Lie,
    calls: AtomicU64,
    answered: Mutex<HashMap<String, Document>>,
}

impl fmt::Debug for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lie.fmt(f)
    }
}

impl Liar {
    pub(super) fn over(inner: Arc<dyn Store>, lie: Lie) -> Arc<Self> {
        Arc::new(Self { inner, lie, calls: AtomicU64::new(0), answered: Mutex::default() })
    }

    fn tells(&self, lie: Lie) -> bool {
        self.lie == lie
    }

    /// Every so many calls.
    fn now_and_then(&self, lie: Lie, every: u64) -> bool {
        self.tells(lie) && self.calls.fetch_add(1, Ordering::Relaxed) % every == every - 1
    }

    fn first_half(commit: &Commit) -> Option<Commit> {
        let first = commit.appends.first().filter(|_| commit.appends.len() > 1)?;
        let mut half = commit.clone();
        half.appends.truncate(1);
        let key = first.stream.key();
        half.documents.retain(|write| write.id == Bson::Int64(key.parse().unwrap_or_default()));
        Some(half)
    }
}

#[async_trait]
impl Store for Liar {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }
    fn admin(&self) -> &dyn StoreAdmin {
        self
    }
    async fn commit(&self, mut commit: Commit) -> Result<Committed> {
        if self.now_and_then(Lie::LosesADocument, 5) {
            commit.documents.pop();
        }
        let half = Self::first_half(&commit).filter(|_| self.tells(Lie::WritesHalfOfWhatItRefuses));
        let answer = self.inner.commit(commit).await;
        if let Some(half) = half.filter(|_| answer.is_err()) {
            let _ = self.inner.commit(half).await;
        }
        answer
    }
    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        let mut events = self.inner.read_stream(query).await?;
        if self.tells(Lie::LosesTheLastEvent) && events.len() > 3 {
            events.pop();
        }
        Ok(events)
    }
    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.inner.read_log(query).await
    }
    async fn high_water(&self) -> Result<Position> {
        self.inner.high_water().await
    }
    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        let found = self.inner.get(collection, id).await?;
        let before = match &found {
            Some(found) => self.answered.lock().unwrap().insert(format!("{collection} {id}"), found.clone()),
            None => None,
        };
        Ok(if self.now_and_then(Lie::AnswersTheVersionBefore, 3) { before.or(found) } else { found })
    }
    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        self.inner.find(query).await
    }
    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        self.inner.explain(query).await
    }
    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.inner.count(collection, predicate).await
    }
    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        self.inner.distinct(collection, predicate, path).await
    }
    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        self.inner.aggregate(aggregation).await
    }
    async fn aggregate_raw(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        self.inner.aggregate_raw(collection, pipeline).await
    }
    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        self.inner.checkpoint(consumer).await
    }
    async fn moved(&self, position: Position) -> Result<()> {
        self.inner.moved(position).await
    }
    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[async_trait]
impl StoreAdmin for Liar {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let mut collections = collections.to_vec();
        if self.tells(Lie::ForgetsWhatIsUnique) {
            collections.iter_mut().flat_map(|spec| &mut spec.indexes).for_each(|index| index.unique = false);
        }
        self.inner.admin().prepare(&collections).await
    }
    fn own(&self, what: Own) -> String {
        self.inner.admin().own(what)
    }
    async fn put(&self, collection: &str, mut documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        if self.tells(Lie::RebuildsWithoutTheFirst) && documents.iter().any(|document| document.contains_key("parts")) {
            documents.remove(0);
        }
        self.inner.admin().put(collection, documents, rule).await
    }
    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.inner.admin().remove(collection, predicate).await
    }
    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        self.inner.admin().swap(shadow, live).await
    }
    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.inner.admin().drop_collection(collection).await
    }
    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        self.inner.admin().streams(category, after, limit).await
    }
    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        self.inner.admin().scan(category, after, limit).await
    }
    async fn categories(&self) -> Result<Vec<String>> {
        self.inner.admin().categories().await
    }
    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>> {
        self.inner.admin().entries(query).await
    }
    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        self.inner.admin().append_entries(entries).await
    }
    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        self.inner.admin().truncate(upto, kept).await
    }
    async fn truncated(&self) -> Result<Position> {
        self.inner.admin().truncated().await
    }
    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        self.inner.admin().checkpoints().await
    }
    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        self.inner.admin().remove_checkpoint(consumer, expected).await
    }
    async fn examine(&self) -> Result<Vec<Finding>> {
        self.inner.admin().examine().await
    }
}
