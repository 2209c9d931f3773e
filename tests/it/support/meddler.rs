//! A store at which something happens in front of a chosen call: a rival writes, or the call fails. It also counts.

use std::fmt::Display;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use earnorm::bson::Document;
use earnorm::commit::{Commit, Committed};
use earnorm::error::{Error, Result, StoreError};
use earnorm::event::RecordedEvent;
use earnorm::store::{LogPage, LogQuery, PutRule, Store, StoreAdmin, StreamQuery};
use earnorm::{Database, Registry};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::front::{Front, Twist};

/// What happens in front of the call of this name and number; an error is what the call answers.
type Step = (&'static str, usize, BoxFuture<'static, Result<()>>);

/// What somebody does to a store.
#[derive(Default)]
pub(crate) struct Meddler {
    steps: Mutex<Vec<Step>>,
    /// The name of each call, with what it is about.
    calls: Mutex<Vec<(&'static str, String)>>,
}

/// What a store answers that cannot be reached.
pub(crate) fn out_of_reach() -> Error {
    StoreError::new("meddler", "out of reach").into()
}

impl Meddler {
    /// A program with these models at the store of another.
    pub(crate) async fn at(db: &Database, registry: Registry) -> (Database, Arc<Front<Self>>) {
        let meddler = Front::of(db.store().clone(), Self::default());
        let db = Database::builder().registry(registry).store(meddler.clone()).await.unwrap();
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

    async fn enter(&self, call: &'static str, about: impl Display) -> Result<()> {
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
impl Twist for Meddler {
    async fn commit(&self, behind: &dyn Store, commit: Commit) -> Result<Committed> {
        self.enter("commit", commit.appends.len()).await?;
        behind.commit(commit).await
    }
    async fn read_stream(&self, behind: &dyn Store, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.enter("read_stream", &query.stream).await?;
        behind.read_stream(query).await
    }
    async fn read_log(&self, behind: &dyn Store, query: LogQuery) -> Result<LogPage> {
        self.enter("read_log", query.after).await?;
        behind.read_log(query).await
    }
    /// Named after its rule: `put`, `claim`, `put newer`, `put same`.
    async fn put(
        &self,
        behind: &dyn StoreAdmin,
        collection: &str,
        documents: Vec<Document>,
        rule: PutRule,
    ) -> Result<u64> {
        let call = match rule {
            PutRule::Always => "put",
            PutRule::Absent => "claim",
            PutRule::Newer => "put newer",
            PutRule::SameVersion => "put same",
        };
        self.enter(call, documents.len()).await?;
        behind.put(collection, documents, rule).await
    }
    async fn swap(&self, behind: &dyn StoreAdmin, shadow: &str, live: &str) -> Result<()> {
        self.enter("swap", shadow).await?;
        behind.swap(shadow, live).await
    }
    async fn drop_collection(&self, behind: &dyn StoreAdmin, collection: &str) -> Result<()> {
        self.enter("drop", collection).await?;
        behind.drop_collection(collection).await
    }
    async fn scan(
        &self,
        behind: &dyn StoreAdmin,
        category: &str,
        after: Option<(&str, u64)>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        self.enter("scan", category).await?;
        behind.scan(category, after, limit).await
    }
}
