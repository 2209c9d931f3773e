//! A store and a key store that fail, wait and lie when they are told to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::Database;
use earnorm::bson::{Bson, Document};
use earnorm::commit::{Checkpoint, Commit, Committed};
use earnorm::error::{Applied, Error, Result, StoreError};
use earnorm::event::RecordedEvent;
use earnorm::personal::{DataKey, KeyId, KeyState, KeyStore, StoredKeys};
use earnorm::position::Position;
use earnorm::predicate::Predicate;
use earnorm::prelude::{DateTime, Utc};
use earnorm::schema::CollectionSpec;
use earnorm::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Drift, EntryQuery, Explanation, Finding,
    LogEntry, LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamHead, StreamQuery,
};
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, watch};

fn out_of_reach(who: &'static str) -> Error {
    StoreError::new(who, "out of reach").retryable().into()
}

/// Keys in the store of a database, behind faults.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: StoredKeys,
    calls: Mutex<BTreeMap<&'static str, usize>>,
    failing: Mutex<Option<&'static str>>,
    wrong: AtomicBool,
    stalls: AtomicBool,
    asked: Semaphore,
    goes_on: Semaphore,
}

impl Keys {
    pub(crate) fn over(db: &Database) -> Self {
        Self(Arc::new(Inner {
            keys: StoredKeys::new(db.store().clone()),
            calls: Mutex::default(),
            failing: Mutex::default(),
            wrong: AtomicBool::new(false),
            stalls: AtomicBool::new(false),
            asked: Semaphore::new(0),
            goes_on: Semaphore::new(0),
        }))
    }

    /// A handle of the same store with these keys.
    pub(crate) async fn database(&self, db: &Database) -> Database {
        let builder = Database::builder().registry(super::registry()).key_store(self.clone());
        builder.store(db.store().clone()).await.unwrap()
    }

    pub(crate) fn calls(&self, method: &str) -> usize {
        self.0.calls.lock().unwrap().get(method).copied().unwrap_or(0)
    }

    pub(crate) fn fail(&self, method: Option<&'static str>) {
        *self.0.failing.lock().unwrap() = method;
    }

    pub(crate) fn answer_wrong_keys(&self) {
        self.0.wrong.store(true, Ordering::SeqCst);
    }

    /// The next one who asks for a key gets it only when [`Keys::go_on`] says so.
    pub(crate) fn stall(&self) {
        self.0.stalls.store(true, Ordering::SeqCst);
    }

    pub(crate) async fn asked(&self) {
        self.0.asked.acquire().await.unwrap().forget();
    }

    pub(crate) fn go_on(&self) {
        self.0.goes_on.add_permits(1);
    }

    fn call(&self, method: &'static str) -> Result<()> {
        *self.0.calls.lock().unwrap().entry(method).or_default() += 1;
        if *self.0.failing.lock().unwrap() == Some(method) { Err(out_of_reach("keys")) } else { Ok(()) }
    }
}

#[async_trait]
impl KeyStore for Keys {
    async fn current(&self, subjects: &[String]) -> Result<Vec<DataKey>> {
        self.call("current")?;
        let keys = self.0.keys.current(subjects).await?;
        if self.0.stalls.swap(false, Ordering::SeqCst) {
            self.0.asked.add_permits(1);
            self.0.goes_on.acquire().await.unwrap().forget();
        }
        Ok(keys)
    }

    async fn find(&self, ids: &[KeyId]) -> Result<Vec<KeyState>> {
        self.call("find")?;
        if self.0.wrong.load(Ordering::SeqCst) {
            return Ok(ids.iter().map(|id| KeyState::Live(DataKey::new(*id, [7; 32]))).collect());
        }
        self.0.keys.find(ids).await
    }

    async fn destroy(&self, subject: &str, at: DateTime<Utc>) -> Result<u64> {
        self.call("destroy")?;
        self.0.keys.destroy(subject, at).await
    }
}

type Rewrite = Box<dyn Fn(&mut [RecordedEvent]) + Send + Sync>;
type Rival = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A store that loses its connection at one write, stands still in the middle of one, lets others come first, and shows
/// events as somebody rewrote them.
pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    /// How many writes go well before one fails.
    left: AtomicI64,
    /// Whether the one that fails is written all the same.
    written: bool,
    /// Whether only its answer is lost, and those after it go well.
    lost: bool,
    /// Whether writes stand still before they are sent, and how many do.
    frozen: watch::Sender<bool>,
    stuck: AtomicI64,
    rewrite: Option<Rewrite>,
    /// What others do just before each commit.
    rival: Option<Rival>,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Faulty {
    pub(crate) fn failing_at(db: &Database, write: i64, written: bool) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(write), written, ..Self::over(db) })
    }

    /// A store that writes everything, but of one write nobody hears whether it was written.
    pub(crate) fn losing_answer_of(db: &Database, write: i64) -> Arc<Self> {
        Arc::new(Self { left: AtomicI64::new(write), lost: true, ..Self::over(db) })
    }

    /// A store that does as it is asked until it is frozen.
    pub(crate) fn freezing(db: &Database) -> Arc<Self> {
        Arc::new(Self::over(db))
    }

    fn over(db: &Database) -> Self {
        Self {
            inner: db.store().clone(),
            left: AtomicI64::new(i64::MAX),
            written: false,
            lost: false,
            frozen: watch::Sender::new(false),
            stuck: AtomicI64::new(0),
            rewrite: None,
            rival: None,
        }
    }

    /// A store in which somebody else is always a little earlier.
    pub(crate) fn overtaken(
        db: &Database,
        rival: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { rival: Some(Box::new(rival)), ..Self::over(db) })
    }

    /// Lets all writes from here on stand still, as those of a process do that is not given the processor; or go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        self.frozen.send_replace(frozen);
    }

    /// How many writes stand still.
    pub(crate) fn stuck(&self) -> i64 {
        self.stuck.load(Ordering::SeqCst)
    }

    pub(crate) fn rewriting(
        db: &Database,
        rewrite: impl Fn(&mut [RecordedEvent]) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { rewrite: Some(Box::new(rewrite)), ..Self::over(db) })
    }

    /// Whether the fault has come.
    pub(crate) fn has_failed(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn write<T>(&self, write: impl Future<Output = Result<T>> + Send) -> Result<T> {
        if *self.frozen.borrow() {
            self.stuck.fetch_add(1, Ordering::SeqCst);
            self.frozen.subscribe().wait_for(|frozen| !frozen).await.unwrap();
            self.stuck.fetch_sub(1, Ordering::SeqCst);
        }
        match self.left.fetch_sub(1, Ordering::SeqCst) {
            0 if self.lost => {
                let lost = StoreError::new("faulty", "the answer was lost").applied(Applied::Unknown);
                write.await.and(Err(lost.into()))
            }
            ..0 if self.lost => write.await,
            0 if self.written => write.await.and(Err(out_of_reach("faulty"))),
            ..=0 => Err(out_of_reach("faulty")),
            _ => write.await,
        }
    }

    fn show(&self, mut events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
        if let Some(rewrite) = &self.rewrite {
            rewrite(&mut events);
        }
        events
    }
}

#[async_trait]
impl Store for Faulty {
    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }
    fn admin(&self) -> &dyn StoreAdmin {
        self
    }
    async fn commit(&self, commit: Commit) -> Result<Committed> {
        if let Some(rival) = &self.rival {
            rival().await;
        }
        self.write(self.inner.commit(commit)).await
    }
    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        Ok(self.show(self.inner.read_stream(query).await?))
    }
    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        let page = self.inner.read_log(query).await?;
        Ok(LogPage { events: self.show(page.events), ..page })
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
impl StoreAdmin for Faulty {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        self.inner.admin().prepare(collections).await
    }
    fn own(&self, what: Own) -> String {
        self.inner.admin().own(what)
    }
    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        if collection == self.own(Own::Models) {
            return self.inner.admin().put(collection, documents, rule).await;
        }
        self.write(self.inner.admin().put(collection, documents, rule)).await
    }
    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.write(self.inner.admin().remove(collection, predicate)).await
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
        Ok(self.show(self.inner.admin().scan(category, after, limit).await?))
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
