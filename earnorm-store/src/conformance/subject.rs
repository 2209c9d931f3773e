//! A store under examination, with the questions that cases ask again and again.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document};
use earnorm_core::Error;
use earnorm_core::commit::{Commit, Committed};
use earnorm_core::error::{UniqueViolation, VersionConflict};
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{DocumentQuery, LogQuery, SortKey, Store, StreamQuery};
use earnorm_core::stream::StreamId;
use futures::TryStreamExt;

use super::Fixture;
use super::draft::{Draft, OTHERS, THINGS, write};

/// How often a retry loop tries at most.
pub(super) const ATTEMPTS_MAX: usize = 2_000;
/// How long a reader may lag behind an acknowledged commit.
const LAG_MAX: Duration = Duration::from_secs(20);

/// A store, and the fixture that made it.
#[derive(Clone)]
pub struct Subject {
    pub(super) store: Arc<dyn Store>,
    pub(super) fixture: Arc<dyn Fixture>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.store.fmt(f)
    }
}

impl Deref for Subject {
    type Target = dyn Store;

    fn deref(&self) -> &Self::Target {
        &*self.store
    }
}

impl Subject {
    pub(super) fn new(store: Arc<dyn Store>, fixture: Arc<dyn Fixture>) -> Self {
        Self { store, fixture }
    }

    /// The collections that every case may use, without indexes.
    pub(super) async fn prepare_plain(&self) {
        let plain = [THINGS, OTHERS].map(|name| CollectionSpec { name: name.to_owned(), indexes: Vec::new() });
        let drift = self.admin().prepare(&plain).await.expect("collections are prepared");
        assert_eq!(drift, [], "fresh collections do not differ from their specification");
    }

    pub(super) async fn prepare_indexes(&self, indexes: Vec<IndexSpec>) {
        let spec = CollectionSpec { name: THINGS.to_owned(), indexes };
        let drift = self.admin().prepare(&[spec]).await.expect("indexes are prepared");
        assert_eq!(drift, [], "new indexes do not differ from their specification");
    }

    /// Commits what must go through.
    pub(super) async fn commits(&self, commit: Commit) -> Committed {
        let events = commit.events();
        let receipt = self.store.commit(commit).await.expect("this commit is in order");
        assert_eq!(receipt.events.len(), events, "the receipt lists every event");
        receipt
    }

    /// Puts `documents` into [`THINGS`].
    pub(super) async fn put(&self, documents: impl IntoIterator<Item = Document>) {
        self.commits(documents.into_iter().fold(write(), |commit, document| commit.insert(THINGS, document))).await;
    }

    pub(super) async fn events(&self, stream: &StreamId) -> Vec<RecordedEvent> {
        self.read_stream(StreamQuery::all(stream.clone())).await.expect("the stream is read")
    }

    /// The stream's last version, 0 where there is none.
    pub(super) async fn version(&self, stream: &StreamId) -> u64 {
        let last = self.read_stream(StreamQuery::last(stream.clone())).await.expect("the stream is read");
        last.first().map_or(0, |event| event.version)
    }

    /// The document without fields that belong to the store.
    pub(super) async fn document(&self, id: impl Into<Bson>) -> Option<Document> {
        self.document_in(THINGS, id).await
    }

    pub(super) async fn document_in(&self, collection: &str, id: impl Into<Bson>) -> Option<Document> {
        self.get(collection, &id.into()).await.expect("the document is read").map(own_fields)
    }

    /// Documents that match, in the order of the answer.
    pub(super) async fn documents(&self, query: DocumentQuery) -> Vec<Document> {
        let found = self.find(query).await.expect("the query is in order");
        let found: Vec<Document> = found.try_collect().await.expect("all documents are read");
        found.into_iter().map(own_fields).collect()
    }

    /// Asserts that exactly the documents of [`THINGS`] with these ids match, for `find` and for `count`.
    pub(super) async fn expect(&self, predicate: Predicate, ids: &[i32]) {
        let found = self.documents(DocumentQuery::new(THINGS, predicate.clone())).await;
        let found: Vec<i32> = found.iter().map(|document| document.get_i32("_id").unwrap()).collect();
        let distinct: BTreeSet<i32> = found.iter().copied().collect();
        assert_eq!(distinct, ids.iter().copied().collect(), "matched by {predicate:?}");
        assert_eq!(found.len(), distinct.len(), "no document is found twice by {predicate:?}");
        let count = self.count(THINGS, &predicate).await.expect("the query is in order");
        assert_eq!(count, ids.len() as u64, "counted by {predicate:?}");
    }

    /// The ids of [`THINGS`] in this order; `-path` is descending.
    pub(super) async fn sorted(&self, keys: &[&str]) -> Vec<i32> {
        let query = DocumentQuery { sort: sort(keys), ..DocumentQuery::new(THINGS, Predicate::always()) };
        self.documents(query).await.iter().map(|document| document.get_i32("_id").unwrap()).collect()
    }

    /// The whole log up to a high-water mark that has reached `position`. Readers may lag, but not for ever.
    pub(super) async fn log_to(&self, position: Position) -> Vec<RecordedEvent> {
        self.settle(position).await;
        let page = self.read_log(LogQuery { limit: 100_000, ..LogQuery::default() }).await.expect("the log is read");
        assert!(!page.more, "100,000 events are more than any case writes");
        page.events
    }

    /// Waits until the high-water mark has reached `position`.
    pub(super) async fn settle(&self, position: Position) {
        let reached = async {
            let mut poll = tokio::time::interval(Duration::from_millis(5));
            loop {
                if self.high_water().await.expect("the mark is read") >= position {
                    return;
                }
                poll.tick().await;
            }
        };
        let reached = tokio::time::timeout(LAG_MAX, reached).await;
        assert!(reached.is_ok(), "the high-water mark reaches {position} within {LAG_MAX:?}");
    }
}

/// The keys of an order; `-path` is descending.
pub(super) fn sort(keys: &[&str]) -> Vec<SortKey> {
    let key = |key: &&str| SortKey { path: key.trim_start_matches('-').to_owned(), descending: key.starts_with('-') };
    keys.iter().map(key).collect()
}

pub(super) fn own_fields(mut document: Document) -> Document {
    document.remove(earnorm_core::schema::CHECKED_BY);
    document
}

/// The receipt's last position.
pub(super) fn last(receipt: &Committed) -> Position {
    receipt.events.iter().map(|event| event.position).max().expect("the commit had events")
}

/// The version conflict that a commit must end in.
pub(super) fn conflict(result: Result<Committed, Error>) -> VersionConflict {
    match result {
        Err(Error::Conflict(conflict)) => *conflict,
        other => panic!("expected a version conflict, not {other:?}"),
    }
}

/// The unique violation that a commit must end in.
pub(super) fn violation(result: Result<Committed, Error>) -> UniqueViolation {
    match result {
        Err(Error::Unique(violation)) => *violation,
        other => panic!("expected a unique violation, not {other:?}"),
    }
}

/// The consumer that a checkpoint conflict must name.
pub(super) fn checkpoint_conflict(result: Result<Committed, Error>) -> String {
    match result {
        Err(Error::CheckpointConflict { consumer }) => consumer,
        other => panic!("expected a checkpoint conflict, not {other:?}"),
    }
}

/// Asserts that two documents are the same to the byte: kinds of numbers, order of fields and NaN included.
pub(super) fn same(found: &Document, expected: &Document) {
    let bytes = |document: &Document| bson::serialize_to_vec(document).unwrap();
    assert!(bytes(found) == bytes(expected), "stored exactly: found {found:?}, expected {expected:?}");
}
