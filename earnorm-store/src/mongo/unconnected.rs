//! A store that is connected to nothing, and commits that wait in it: for tests of what happens before a transaction
//! starts, and between two.

use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use chrono::DateTime;
use earnorm_core::Result;
use earnorm_core::commit::{Append, Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::event::NewEvent;
use earnorm_core::limits::Limits;
use earnorm_core::metadata::Metadata;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use mongodb::Client;
use mongodb::options::ClientOptions;
use tokio::sync::{RwLock, Semaphore, oneshot};
use tokio::time::Instant;
use uuid::Uuid;

use super::batching::Batching;
use super::connections::Connections;
use super::fault::Fault;
use super::inner::{Clients, Inner};
use super::member::{Member, Prepared, Stay};
use super::options::Names;

/// How long a commit may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A store that is connected to nothing.
pub(super) fn unconnected(batching: Batching) -> Arc<Inner> {
    let options = ClientOptions::builder().hosts(Vec::new()).build();
    let client = Client::with_options(options).unwrap();
    let (db, commit_app_name) = (client.database("none"), "none".to_owned());
    let clients = Clients {
        commits: client.clone(),
        commits_db: db.clone(),
        client,
        db,
        commit_app_name,
        connections: Connections::default(),
    };
    let inner = Inner::new(clients, Names::starting_with("none_"), Limits::default(), batching);
    Arc::new(inner.timeouts(PATIENCE, PATIENCE))
}

pub(super) type Answer = oneshot::Receiver<Result<Committed>>;

/// A commit of one event and one document, that somebody waits for.
pub(super) fn member(key: &str, fault: Option<Fault>) -> (Member, Answer) {
    sent(creating(key), fault)
}

/// A commit that somebody waits for.
pub(super) fn sent(commit: Commit, fault: Option<Fault>) -> (Member, Answer) {
    let (reply, answer) = oneshot::channel();
    let room = || Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let flight = Arc::new(RwLock::new(())).try_read_owned().unwrap();
    let member = Member {
        prepared: Prepared::new(commit).unwrap(),
        deadline: Instant::now() + PATIENCE,
        enqueued: Instant::now(),
        tries: 0,
        fault,
        reply,
        hold: None,
        stay: Stay { _room: (room(), room()), _flight: flight },
    };
    (member, answer)
}

/// One event and one document.
pub(super) fn creating(key: &str) -> Commit {
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: "thing.made".to_owned(),
        schema_version: 1,
        data: doc! {},
        metadata: Metadata::new(),
        recorded_at: DateTime::UNIX_EPOCH,
    };
    let stream = StreamId::new("thing", key).unwrap();
    let mut commit = Commit::new(Uuid::now_v7());
    commit.appends.push(Append { stream, expected: ExpectedVersion::NoStream, not_before: None, events: vec![event] });
    let document: Document = doc! { "_id": key, "_v": 1_i64 };
    let op = DocumentOp::Insert { document };
    commit.documents.push(DocumentWrite { collection: "things".to_owned(), id: key.into(), op });
    commit
}
