//! The line without a server: nothing here leaves the one thread, so no transaction ever starts.

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

use super::super::connections::Connections;
use super::super::fault::Fault;
use super::super::inner::Clients;
use super::super::member::{Prepared, Stay};
use super::super::options::Names;
use super::*;

/// A store that is connected to nothing.
fn unconnected(batching: Batching) -> Arc<Inner> {
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
    Arc::new(Inner::new(clients, Names::starting_with("none_"), Limits::default(), batching))
}

type Answer = oneshot::Receiver<Result<Committed>>;

/// A commit of one event and one document.
fn member(key: &str, fault: Option<Fault>) -> (Member, Answer) {
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
    let room = || Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
    let flight = Arc::new(RwLock::new(())).try_read_owned().unwrap();
    let (reply, answer) = oneshot::channel();
    let member = Member {
        prepared: Prepared::new(commit).unwrap(),
        deadline: Instant::now() + Duration::from_secs(20),
        enqueued: Instant::now(),
        tries: 0,
        fault,
        reply,
        hold: None,
        stay: Stay { _room: (room(), room()), _flight: flight },
    };
    (member, answer)
}

/// The keys of the commits that go in each of the next transactions, until nobody is left.
fn batches(inner: &Inner) -> Vec<Vec<String>> {
    let batches: Vec<_> = std::iter::from_fn(|| inner.committer.take()).collect();
    let key = |member: &Member| member.prepared.commit.appends[0].stream.key().to_owned();
    batches.iter().map(|batch| batch.members.iter().map(key).collect()).collect()
}

/// How many go in each.
fn sizes(batching: Batching, members: usize) -> Vec<usize> {
    let inner = unconnected(batching);
    for n in 0..members {
        inner.enqueue(member(&n.to_string(), None).0);
    }
    batches(&inner).iter().map(Vec::len).collect()
}

#[tokio::test]
async fn a_batch_takes_as_much_as_it_may_and_no_more() {
    let bytes = member("0", None).0.prepared.bytes;
    let all = Batching::default();
    assert_eq!(sizes(all, 7), [7]);
    assert_eq!(sizes(Batching { commits: 3, ..all }, 7), [3, 3, 1], "commits");
    assert_eq!(sizes(Batching { writes: 6, ..all }, 7), [3, 3, 1], "an event and a document are two writes");
    assert_eq!(sizes(Batching { writes: 7, ..all }, 7), [3, 3, 1], "one write more is not enough for a commit");
    assert_eq!(sizes(Batching { bytes: 3 * bytes, ..all }, 7), [3, 3, 1], "bytes");
    assert_eq!(sizes(Batching { bytes: 4 * bytes - 1, ..all }, 7), [3, 3, 1], "a byte less than four take");
    assert_eq!(sizes(Batching { commits: 0, writes: 0, bytes: 0, ..all }, 2), [1, 1], "one goes whatever the bounds");
}

#[tokio::test]
async fn a_commit_that_goes_wrong_goes_alone() {
    let inner = unconnected(Batching::default());
    for (key, fault) in [("a", None), ("b", Some(Fault::AbandonAfterGuards)), ("c", None), ("d", None)] {
        inner.enqueue(member(key, fault).0);
    }
    assert_eq!(batches(&inner), [vec!["a"], vec!["b"], vec!["c", "d"]]);
}

#[tokio::test]
async fn who_withdraws_in_time_is_not_sent_and_stands_in_nobodys_way() {
    let inner = unconnected(Batching::default());
    let first = inner.enqueue(member("a", None).0);
    let (second, third) = (inner.enqueue(member("a", None).0), inner.enqueue(member("a", None).0));
    assert_eq!((first, second, third), (0, 1, 2));
    assert!(inner.committer.withdraw(second), "it waits behind the first");
    assert!(!inner.committer.withdraw(second), "it is gone");
    let batch = inner.committer.take().unwrap();
    assert!(!inner.committer.withdraw(first), "it is on its way");
    assert!(inner.committer.take().is_none(), "the third waits for the first");
    drop(batch);
    assert!(inner.committer.withdraw(third), "it holds its keys, and is not on its way");
    assert!(inner.committer.take().is_none());
    let line = inner.committer.lock();
    assert!(line.places.is_empty() && line.keys.is_empty() && line.ready.is_empty(), "nothing is left of them");
}

#[tokio::test]
async fn who_comes_back_keeps_the_place_that_callers_know() {
    let inner = unconnected(Batching::default());
    for key in ["a", "b"] {
        inner.enqueue(member(key, None).0);
    }
    let mut members = inner.committer.take().unwrap().members;
    let mut places = members.iter_mut().map(|member| member.hold.take().map(Hold::place));
    assert_eq!((places.next(), places.next()), (Some(Some(0)), Some(Some(1))));
    let [first, second] = <[Member; 2]>::try_from(members).ok().unwrap();
    assert_eq!(inner.enqueue_at(Some(1), second), 1);
    assert_eq!(inner.enqueue(member("c", None).0), 2, "no place is given twice");
    assert_eq!(inner.enqueue_at(Some(7), first), 7);
    assert_eq!(inner.enqueue(member("d", None).0), 8, "nor one behind the last");
}

#[tokio::test]
async fn alone_is_who_is_on_the_way_while_nobody_else_is_and_nobody_waits() {
    let inner = unconnected(Batching::default());
    let committer = &inner.committer;
    assert!(!committer.is_alone(), "nobody is on the way");
    committer.lock().in_flight = 1;
    assert!(committer.is_alone());
    committer.lock().in_flight = 2;
    assert!(!committer.is_alone(), "another is on the way");
    committer.lock().in_flight = 1;
    committer.lock().ready.push_back(0);
    assert!(!committer.is_alone(), "another waits");
    committer.lock().ready.clear();
    committer.lock().again.push_back(Batch::new(Vec::new()));
    assert!(!committer.is_alone(), "another goes again");
}

#[tokio::test]
async fn room_is_counted_in_units_and_nobody_needs_more_than_there_is() {
    let committer =
        Committer::new(Batching { waiting: 5, waiting_bytes: 10_000, ..Batching::default() }, Handle::current());
    assert_eq!((committer.room.available_permits(), committer.room_bytes.available_permits()), (5, 10));
    assert_eq!([0, 1, 1_024, 1_025, 10_000, 1_000_000].map(|bytes| committer.units(bytes)), [0, 1, 1, 2, 10, 10]);
    let least = Committer::new(Batching { waiting: 0, waiting_bytes: 0, ..Batching::default() }, Handle::current());
    assert_eq!((least.room.available_permits(), least.units(1_000_000)), (1, 1), "one always has room");
    let most = Batching { waiting: usize::MAX, waiting_bytes: usize::MAX, ..Batching::default() };
    assert_eq!(Committer::new(most, Handle::current()).room.available_permits(), Semaphore::MAX_PERMITS);
}
