//! Tests of the in-memory store.

mod commits;
mod queries;
mod upkeep;

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Append, Commit, DocumentOp, DocumentWrite};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Store};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use futures::TryStreamExt;
use uuid::Uuid;

use super::MemoryStore;

fn moment(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap()
}

fn stream(key: &str) -> StreamId {
    StreamId::new("user", key).unwrap()
}

fn event(name: &str) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: format!("user.{name}"),
        schema_version: 1,
        data: doc! { "name": name },
        metadata: Metadata::new(),
        recorded_at: moment(1_000),
    }
}

fn append(key: &str, expected: ExpectedVersion, events: Vec<NewEvent>) -> Append {
    Append { stream: stream(key), expected, not_before: None, events }
}

/// A commit of one event and some writes.
fn commit(key: &str, expected: ExpectedVersion, documents: Vec<DocumentWrite>) -> Commit {
    let appends = vec![append(key, expected, vec![event("changed")])];
    Commit { appends, documents, ..Commit::new(Uuid::now_v7()) }
}

fn write(id: impl Into<Bson>, op: DocumentOp) -> DocumentWrite {
    DocumentWrite { collection: "users".into(), id: id.into(), op }
}

fn insert(mut document: Document) -> DocumentWrite {
    document.insert("_v", 1_i64);
    write(document.get("_id").unwrap().clone(), DocumentOp::Insert { document })
}

/// A store with these documents in `users`.
async fn holding(documents: Vec<Document>) -> MemoryStore {
    let store = MemoryStore::new();
    add(&store, documents).await;
    store
}

async fn add(store: &MemoryStore, documents: Vec<Document>) {
    for document in documents {
        let key = document.get("_id").unwrap().to_string();
        store.commit(commit(&key, ExpectedVersion::Any, vec![insert(document)])).await.unwrap();
    }
}

async fn found(store: &MemoryStore, query: DocumentQuery) -> Vec<Document> {
    store.find(query).await.unwrap().try_collect().await.unwrap()
}

async fn ids(store: &MemoryStore, predicate: Predicate) -> Vec<Bson> {
    let documents = found(store, DocumentQuery::new("users", predicate)).await;
    documents.iter().map(|document| document.get("_id").unwrap().clone()).collect()
}
