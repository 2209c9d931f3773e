//! A store and a key store that fail, wait and lie when they are told to.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::Database;
use earnorm::bson::Document;
use earnorm::commit::{Commit, Committed};
use earnorm::error::{Applied, Error, Result, StoreError};
use earnorm::event::RecordedEvent;
use earnorm::personal::{DataKey, KeyId, KeyState, KeyStore, StoredKeys};
use earnorm::predicate::Predicate;
use earnorm::prelude::{DateTime, Utc};
use earnorm::store::{LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StreamQuery};
use futures::future::BoxFuture;
use tokio::sync::{Semaphore, watch};

use crate::support::front::{Front, Twist};

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

impl Default for Faulty {
    fn default() -> Self {
        Self {
            left: AtomicI64::new(i64::MAX),
            written: false,
            lost: false,
            frozen: watch::Sender::new(false),
            stuck: AtomicI64::new(0),
            rewrite: None,
            rival: None,
        }
    }
}

impl Faulty {
    pub(crate) fn failing_at(db: &Database, write: i64, written: bool) -> Arc<Front<Self>> {
        Self { left: AtomicI64::new(write), written, ..Self::default() }.over(db)
    }

    /// A store that writes everything, but of one write nobody hears whether it was written.
    pub(crate) fn losing_answer_of(db: &Database, write: i64) -> Arc<Front<Self>> {
        Self { left: AtomicI64::new(write), lost: true, ..Self::default() }.over(db)
    }

    /// A store that does as it is asked until it is frozen.
    pub(crate) fn freezing(db: &Database) -> Arc<Front<Self>> {
        Self::default().over(db)
    }

    fn over(self, db: &Database) -> Arc<Front<Self>> {
        Front::of(db.store().clone(), self)
    }

    /// A store in which somebody else is always a little earlier.
    pub(crate) fn overtaken(
        db: &Database,
        rival: impl Fn() -> BoxFuture<'static, ()> + Send + Sync + 'static,
    ) -> Arc<Front<Self>> {
        Self { rival: Some(Box::new(rival)), ..Self::default() }.over(db)
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
    ) -> Arc<Front<Self>> {
        Self { rewrite: Some(Box::new(rewrite)), ..Self::default() }.over(db)
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
impl Twist for Faulty {
    async fn commit(&self, behind: &dyn Store, commit: Commit) -> Result<Committed> {
        if let Some(rival) = &self.rival {
            rival().await;
        }
        self.write(behind.commit(commit)).await
    }
    async fn read_stream(&self, behind: &dyn Store, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        Ok(self.show(behind.read_stream(query).await?))
    }
    async fn read_log(&self, behind: &dyn Store, query: LogQuery) -> Result<LogPage> {
        let page = behind.read_log(query).await?;
        Ok(LogPage { events: self.show(page.events), ..page })
    }
    async fn put(
        &self,
        behind: &dyn StoreAdmin,
        collection: &str,
        documents: Vec<Document>,
        rule: PutRule,
    ) -> Result<u64> {
        if collection == behind.own(Own::Models) {
            return behind.put(collection, documents, rule).await;
        }
        self.write(behind.put(collection, documents, rule)).await
    }
    async fn remove(&self, behind: &dyn StoreAdmin, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.write(behind.remove(collection, predicate)).await
    }
    async fn scan(
        &self,
        behind: &dyn StoreAdmin,
        category: &str,
        after: Option<(&str, u64)>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        Ok(self.show(behind.scan(category, after, limit).await?))
    }
}
