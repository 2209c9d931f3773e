//! A database of its own for each test, and commits in one line.

use std::collections::HashSet;
use std::future::Future;
use std::time::Duration;

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::Error;
use earnorm_core::commit::{Append, Checkpoint, CheckpointWrite, Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_store::mongo::MongoStore;
use futures::future::join_all;
use uuid::Uuid;

pub(crate) fn uri() -> String {
    std::env::var("EARNORM_TEST_MONGODB_URI").expect("EARNORM_TEST_MONGODB_URI names a replica set to test with")
}

/// Runs `test` on a fresh database and drops that afterwards.
pub(crate) fn with_store<F: Future<Output = ()>>(test: impl FnOnce(MongoStore) -> F) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = open(&format!("t_{}", Uuid::now_v7().simple())).await;
        test(store.clone()).await;
        store.raw_database().drop().await.expect("the database is dropped");
        store.close().await.expect("the store closes");
    });
}

pub(crate) async fn open(database: &str) -> MongoStore {
    MongoStore::builder(&uri())
        .database(database)
        .hole_grace(Duration::from_millis(30))
        .connect()
        .await
        .expect("the test server answers")
}

/// A second handle on the same data.
pub(crate) async fn again(store: &MongoStore) -> MongoStore {
    open(store.raw_database().name()).await
}

pub(crate) fn stream(key: &str) -> StreamId {
    StreamId::new("thing", key).expect("a stream")
}

pub(crate) fn event(name: &str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: name.to_owned(),
        schema_version: 1,
        data: doc! { "name": name },
        metadata: Metadata::new().actor("tester"),
        recorded_at: DateTime::<Utc>::from_timestamp_millis(1_700_000_000_000).expect("a time"),
    }
}

pub(crate) fn append(key: &str, expected: ExpectedVersion, events: usize) -> Append {
    let events = (0..events).map(|_| event("thing.changed")).collect();
    Append { stream: stream(key), expected, not_before: None, events }
}

pub(crate) fn appending(key: &str, expected: ExpectedVersion) -> Commit {
    let mut commit = Commit::new(Uuid::now_v7());
    commit.appends.push(append(key, expected, 1));
    commit
}

/// The creation of `key` with its state document.
pub(crate) fn creating(key: &str, fields: Document) -> Commit {
    let mut document = doc! { "_id": key, "_v": 1_i64 };
    document.extend(fields);
    let mut commit = appending(key, ExpectedVersion::NoStream);
    commit.documents.push(write(key, DocumentOp::Insert { document }));
    commit
}

/// A change of `key` from `version` on.
pub(crate) fn changing(key: &str, version: u64, field: &str, value: impl Into<Bson>) -> Commit {
    let next = Bson::Int64(i64::try_from(version + 1).expect("a version"));
    let set = vec![("_v".to_owned(), next), (field.to_owned(), value.into())];
    let mut commit = appending(key, ExpectedVersion::Exact(version));
    commit.documents.push(write(key, DocumentOp::Patch { expected: version, set, unset: Vec::new() }));
    commit
}

pub(crate) fn write(key: &str, op: DocumentOp) -> DocumentWrite {
    DocumentWrite { collection: "things".to_owned(), id: key.into(), op }
}

pub(crate) async fn put(store: &MongoStore, key: &str, fields: Document) {
    store.commit(creating(key, fields)).await.expect("it is created");
}

/// A consumer's checkpoint moves on.
pub(crate) fn moving(consumer: &str, expected: Option<(i64, u64)>, next: (i64, u64)) -> Commit {
    let checkpoint = |(position, epoch)| Checkpoint { position: Position::new(position), epoch };
    let mut commit = Commit::new(Uuid::now_v7());
    let (expected, next) = (expected.map(checkpoint), checkpoint(next));
    commit.checkpoints.push(CheckpointWrite { consumer: consumer.to_owned(), expected, next });
    commit
}

/// Sends commits at once, each from a task of its own.
pub(crate) async fn at_once(
    store: &MongoStore,
    commits: impl IntoIterator<Item = Commit>,
) -> Vec<Result<Committed, Error>> {
    let sends = commits.into_iter().map(|commit| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(commit).await })
    });
    join_all(sends.collect::<Vec<_>>()).await.into_iter().map(|sent| sent.expect("it ends")).collect()
}

/// Every acknowledged event is in the log once, at the position that was told.
pub(crate) async fn agrees(store: &MongoStore, receipts: &[Committed]) {
    let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("a page");
    let log: HashSet<_> = page.events.iter().map(|event| (event.id, event.position, event.version)).collect();
    assert_eq!(log.len(), page.events.len());
    for event in receipts.iter().flat_map(|receipt| &receipt.events) {
        assert!(log.contains(&(event.id, event.position, event.version)), "{event:?}");
    }
}
