//! A store at which something happens in front of a chosen call: a rival writes, or the call fails. It also counts.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::bson::{Bson, Document};
use earnorm::commit::{Checkpoint, Commit, Committed};
use earnorm::error::{Error, Result, StoreError};
use earnorm::event::RecordedEvent;
use earnorm::position::Position;
use earnorm::predicate::Predicate;
use earnorm::schema::CollectionSpec;
use earnorm::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Drift, EntryQuery, Explanation, Finding,
    LogEntry, LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamHead, StreamQuery,
};
use earnorm::{Database, Registry};
use futures::FutureExt;
use futures::future::BoxFuture;

/// What happens in front of the call of this name and number; an error is what the call answers.
type Step = (&'static str, usize, BoxFuture<'static, Result<()>>);

/// A store that somebody meddles with.
pub(crate) struct Meddler {
    inner: Arc<dyn Store>,
    steps: Mutex<Vec<Step>>,
    /// The name of each call, with what it is about.
    calls: Mutex<Vec<(&'static str, String)>>,
}

impl fmt::Debug for Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// What a store answers that cannot be reached.
pub(crate) fn out_of_reach() -> Error {
    StoreError::new("meddler", "out of reach").into()
}

impl Meddler {
    /// A program with these models at the store of another.
    pub(crate) async fn at(db: &Database, registry: Registry) -> (Database, Arc<Self>) {
        let meddler = Self { inner: db.store().clone(), steps: Mutex::default(), calls: Mutex::default() };
        let meddler = Arc::new(meddler);
        let store: Arc<dyn Store> = meddler.clone();
        let db = Database::builder().registry(registry).store(store).await.unwrap();
        meddler.calls.lock().unwrap().clear();
        (db, meddler)
    }

    /// Something happens in front of a call, counted from 1 and from the last [`Meddler::forget`].
    pub(crate) fn before(&self, call: &'static str, number: usize, step: impl Future<Output = ()> + Send + 'static) {
        self.steps.lock().unwrap().push((call, number, step.map(Ok).boxed()));
    }

    /// A call answers this error, and does nothing.
    pub(crate) fn fail(&self, call: &'static str, number: usize, error: Error) {
        self.steps.lock().unwrap().push((call, number, async { Err(error) }.boxed()));
    }

    /// Counts from here on.
    pub(crate) fn forget(&self) {
        self.steps.lock().unwrap().clear();
        self.calls.lock().unwrap().clear();
    }

    /// What the calls of a name were about, in order.
    pub(crate) fn calls(&self, call: &str) -> Vec<String> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| *name == call).map(|(_, about)| about.clone()).collect()
    }

    async fn enter(&self, call: &'static str, about: impl fmt::Display) -> Result<()> {
        let step = {
            let mut calls = self.calls.lock().unwrap();
            calls.push((call, about.to_string()));
            let number = calls.iter().filter(|(name, _)| *name == call).count();
            let mut steps = self.steps.lock().unwrap();
            let due = steps.iter().position(|(name, at, _)| (*name, *at) == (call, number));
            due.map(|due| steps.remove(due).2)
        };
        match step {
            Some(step) => step.await,
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Store for Meddler {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }
    fn admin(&self) -> &dyn StoreAdmin {
        self
    }
    async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.enter("commit", commit.appends.len()).await?;
        self.inner.commit(commit).await
    }
    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.enter("read_stream", &query.stream).await?;
        self.inner.read_stream(query).await
    }
    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.enter("read_log", query.after).await?;
        self.inner.read_log(query).await
    }
    async fn high_water(&self) -> Result<Position> {
        self.inner.high_water().await
    }
    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        self.inner.get(collection, id).await
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
impl StoreAdmin for Meddler {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        self.inner.admin().prepare(collections).await
    }
    fn own(&self, what: Own) -> String {
        self.inner.admin().own(what)
    }
    /// Named after its rule: `put`, `claim`, `put newer`, `put same`.
    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        let call = match rule {
            PutRule::Always => "put",
            PutRule::Absent => "claim",
            PutRule::Newer => "put newer",
            PutRule::SameVersion => "put same",
        };
        self.enter(call, documents.len()).await?;
        self.inner.admin().put(collection, documents, rule).await
    }
    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.inner.admin().remove(collection, predicate).await
    }
    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        self.enter("swap", shadow).await?;
        self.inner.admin().swap(shadow, live).await
    }
    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.enter("drop", collection).await?;
        self.inner.admin().drop_collection(collection).await
    }
    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        self.inner.admin().streams(category, after, limit).await
    }
    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        self.enter("scan", category).await?;
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
