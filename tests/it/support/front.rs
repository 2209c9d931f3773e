//! A store in front of another one: what it does differently is told by a [`Twist`], everything else goes through.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

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
    LogEntry, LogPage, LogQuery, Own, PutRule, Store, StoreAdmin, StoredDocumentStream, StreamHead, StreamQuery,
};

/// What a store does differently from the one behind it.
#[async_trait]
pub(crate) trait Twist: Send + Sync + 'static {
    async fn commit(&self, behind: &dyn Store, commit: Commit) -> Result<Committed> {
        behind.commit(commit).await
    }
    async fn read_stream(&self, behind: &dyn Store, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        behind.read_stream(query).await
    }
    async fn read_log(&self, behind: &dyn Store, query: LogQuery) -> Result<LogPage> {
        behind.read_log(query).await
    }
    async fn get(&self, behind: &dyn Store, collection: &str, id: &Bson) -> Result<Option<Document>> {
        behind.get(collection, id).await
    }
    async fn prepare(&self, behind: &dyn StoreAdmin, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        behind.prepare(collections).await
    }
    async fn put(
        &self,
        behind: &dyn StoreAdmin,
        collection: &str,
        documents: Vec<Document>,
        rule: PutRule,
    ) -> Result<u64> {
        behind.put(collection, documents, rule).await
    }
    async fn remove(&self, behind: &dyn StoreAdmin, collection: &str, predicate: &Predicate) -> Result<u64> {
        behind.remove(collection, predicate).await
    }
    async fn swap(&self, behind: &dyn StoreAdmin, shadow: &str, live: &str) -> Result<()> {
        behind.swap(shadow, live).await
    }
    async fn drop_collection(&self, behind: &dyn StoreAdmin, collection: &str) -> Result<()> {
        behind.drop_collection(collection).await
    }
    async fn scan(
        &self,
        behind: &dyn StoreAdmin,
        category: &str,
        after: Option<(&str, u64)>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        behind.scan(category, after, limit).await
    }
}

/// A store with a twist, which tests reach through it.
pub(crate) struct Front<T> {
    behind: Arc<dyn Store>,
    twist: T,
}

impl<T> Front<T> {
    pub(crate) fn of(behind: Arc<dyn Store>, twist: T) -> Arc<Self> {
        Arc::new(Self { behind, twist })
    }
}

impl<T> Deref for Front<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.twist
    }
}

impl<T> fmt::Debug for Front<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.behind.fmt(f)
    }
}

#[async_trait]
impl<T: Twist> Store for Front<T> {
    fn capabilities(&self) -> &Capabilities {
        self.behind.capabilities()
    }
    fn admin(&self) -> &dyn StoreAdmin {
        self
    }
    async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.twist.commit(&*self.behind, commit).await
    }
    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.twist.read_stream(&*self.behind, query).await
    }
    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.twist.read_log(&*self.behind, query).await
    }
    async fn high_water(&self) -> Result<Position> {
        self.behind.high_water().await
    }
    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        self.twist.get(&*self.behind, collection, id).await
    }
    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        self.behind.find(query).await
    }
    async fn find_stored(&self, query: DocumentQuery) -> Result<StoredDocumentStream> {
        self.behind.find_stored(query).await
    }
    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        self.behind.explain(query).await
    }
    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.behind.count(collection, predicate).await
    }
    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        self.behind.distinct(collection, predicate, path).await
    }
    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        self.behind.aggregate(aggregation).await
    }
    async fn aggregate_raw(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        self.behind.aggregate_raw(collection, pipeline).await
    }
    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        self.behind.checkpoint(consumer).await
    }
    async fn moved(&self, position: Position) -> Result<()> {
        self.behind.moved(position).await
    }
    async fn close(&self) -> Result<()> {
        self.behind.close().await
    }
}

#[async_trait]
impl<T: Twist> StoreAdmin for Front<T> {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        self.twist.prepare(self.behind.admin(), collections).await
    }
    fn own(&self, what: Own) -> String {
        self.behind.admin().own(what)
    }
    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        self.twist.put(self.behind.admin(), collection, documents, rule).await
    }
    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        self.twist.remove(self.behind.admin(), collection, predicate).await
    }
    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        self.twist.swap(self.behind.admin(), shadow, live).await
    }
    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.twist.drop_collection(self.behind.admin(), collection).await
    }
    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        self.behind.admin().streams(category, after, limit).await
    }
    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        self.twist.scan(self.behind.admin(), category, after, limit).await
    }
    async fn categories(&self) -> Result<Vec<String>> {
        self.behind.admin().categories().await
    }
    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>> {
        self.behind.admin().entries(query).await
    }
    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        self.behind.admin().append_entries(entries).await
    }
    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        self.behind.admin().truncate(upto, kept).await
    }
    async fn truncated(&self) -> Result<Position> {
        self.behind.admin().truncated().await
    }
    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        self.behind.admin().checkpoints().await
    }
    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        self.behind.admin().remove_checkpoint(consumer, expected).await
    }
    async fn examine(&self) -> Result<Vec<Finding>> {
        self.behind.admin().examine().await
    }
}
