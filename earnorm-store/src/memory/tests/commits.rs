//! Commits: whole or not at all, each expectation, and the order of the log.

use bson::{Bson, doc};
use earnorm_core::Error;
use earnorm_core::commit::{Check, Checkpoint, CheckpointWrite, Commit, DocumentOp};
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{LogQuery, Store, StoreAdmin, StreamQuery};
use earnorm_core::stream::ExpectedVersion::{Any, Exact, NoStream};
use uuid::Uuid;

use super::*;

#[tokio::test]
async fn a_save_is_an_event_and_a_document() {
    let store = MemoryStore::new();
    let done = store.commit(commit("1", NoStream, vec![insert(doc! { "_id": 1, "name": "Ada" })])).await.unwrap();
    assert_eq!((done.events[0].version, done.events[0].position), (1, Position::new(1)));
    let stored = store.get("users", &Bson::Int32(1)).await.unwrap().unwrap();
    assert_eq!(stored, doc! { "_id": 1, "name": "Ada", "_v": 1_i64 });
    let events = store.read_stream(StreamQuery::all(stream("1"))).await.unwrap();
    assert_eq!((events.len(), events[0].version, events[0].event_type.as_str()), (1, 1, "user.changed"));
}

#[tokio::test]
async fn a_patch_writes_paths_and_makes_the_way() {
    let store = holding(vec![doc! { "_id": 1, "a": { "b": 1, "c": 2 }, "list": [1, 2], "gone": true }]).await;
    let set = vec![
        ("_v".to_owned(), Bson::Int64(2)),
        ("a.b".to_owned(), Bson::Int32(9)),
        ("new.deep.er".to_owned(), Bson::Boolean(true)),
        ("list.1".to_owned(), Bson::Int32(7)),
        ("list.3".to_owned(), Bson::Int32(8)),
    ];
    let patch = DocumentOp::Patch { expected: 1, set, unset: vec!["gone".into(), "a.c".into(), "none.here".into()] };
    store.commit(commit("1", Any, vec![write(1, patch)])).await.unwrap();
    let stored = store.get("users", &Bson::Int32(1)).await.unwrap().unwrap();
    let expected = doc! {
        "_id": 1, "a": { "b": 9 }, "list": [1, 7, null, 8], "_v": 2_i64, "new": { "deep": { "er": true } },
    };
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn a_stale_version_names_both_versions() {
    let store = holding(vec![doc! { "_id": 1 }]).await;
    let replace = |expected| DocumentOp::Replace { expected, document: doc! { "_id": 1, "_v": 9_i64 } };
    let stale = store.commit(commit("1", Any, vec![write(1, replace(4))])).await.unwrap_err();
    let Error::Conflict(conflict) = stale else { panic!("{stale}") };
    assert_eq!((conflict.subject.as_str(), conflict.expected, conflict.actual), ("document 1 of users", Exact(4), 1));
    let again = store.commit(commit("1", Any, vec![insert(doc! { "_id": 1 })])).await.unwrap_err();
    let Error::Conflict(conflict) = again else { panic!("{again}") };
    assert_eq!((conflict.expected, conflict.actual), (NoStream, 1));
    let behind = store.commit(commit("1", Exact(7), Vec::new())).await.unwrap_err();
    let Error::Conflict(conflict) = behind else { panic!("{behind}") };
    assert_eq!((conflict.subject.as_str(), conflict.actual), ("user-1", 1));
    assert_eq!(store.high_water().await.unwrap(), Position::new(1));
}

#[tokio::test]
async fn a_refused_commit_leaves_nothing() {
    let store = holding(vec![doc! { "_id": 1, "n": 1 }, doc! { "_id": 2, "n": 2 }]).await;
    let writes = vec![
        write(1, DocumentOp::Delete { expected: 1 }),
        insert(doc! { "_id": 3, "n": 3 }),
        write(2, DocumentOp::Patch { expected: 1, set: vec![("n".into(), 5.into())], unset: Vec::new() }),
        write(2, DocumentOp::Delete { expected: 8 }),
    ];
    store.commit(commit("1", Any, writes)).await.unwrap_err();
    assert_eq!(ids(&store, Predicate::always()).await, [Bson::Int32(1), Bson::Int32(2)]);
    assert_eq!(ids(&store, Predicate::eq("n", 2)).await, [Bson::Int32(2)]);
    assert_eq!(store.high_water().await.unwrap(), Position::new(2));
}

#[tokio::test]
async fn the_same_commit_again_answers_as_the_first_time() {
    let store = MemoryStore::new();
    let sent = commit("1", NoStream, vec![insert(doc! { "_id": 1 })]);
    let first = store.commit(sent.clone()).await.unwrap();
    store.commit(commit("2", NoStream, Vec::new())).await.unwrap();
    assert_eq!(store.commit(sent.clone()).await.unwrap(), first);
    assert_eq!(store.high_water().await.unwrap(), Position::new(2));
    let other = Commit { id: Uuid::now_v7(), documents: Vec::new(), ..sent };
    let other = Commit { appends: vec![append("3", Any, other.appends[0].events.clone())], ..other };
    assert!(matches!(store.commit(other).await, Err(Error::InvalidCommit { .. })));
}

fn checkpoint(from: Option<(i64, u64)>, to: (i64, u64)) -> Commit {
    let value = |(position, epoch)| Checkpoint { position: Position::new(position), epoch };
    let write = CheckpointWrite { consumer: "mails".into(), expected: from.map(value), next: value(to) };
    Commit { checkpoints: vec![write], ..Commit::new(Uuid::now_v7()) }
}

#[tokio::test]
async fn checkpoints_move_by_compare_and_set() {
    let store = MemoryStore::new();
    let first = checkpoint(None, (3, 1));
    let receipt = store.commit(first.clone()).await.unwrap();
    assert!(receipt.events.is_empty());
    assert_eq!(store.commit(first).await.unwrap(), receipt);
    store.commit(checkpoint(Some((3, 1)), (3, 2))).await.unwrap();
    let old_owner = store.commit(checkpoint(Some((3, 1)), (9, 1))).await;
    assert!(matches!(old_owner, Err(Error::CheckpointConflict { .. })));
    let stored = store.checkpoint("mails").await.unwrap();
    assert_eq!(stored, Some(Checkpoint { position: Position::new(3), epoch: 2 }));
}

#[tokio::test]
async fn a_check_must_hold() {
    let store = holding(vec![doc! { "_id": 1 }]).await;
    let check = |expected| Check { collection: "users".into(), id: Bson::Int32(1), expected };
    let with = |expected| Commit { checks: vec![check(expected)], ..commit("2", Any, Vec::new()) };
    assert!(store.commit(with(1)).await.is_ok());
    assert!(store.commit(with(2)).await.unwrap_err().is_conflict());
}

fn unique(present: bool, live_only: bool) -> Vec<CollectionSpec> {
    let floor = ("email".to_owned(), Bson::String(String::new()));
    let index = IndexSpec {
        keys: vec![("email".into(), false)],
        unique: true,
        present: if present { vec![floor] } else { Vec::new() },
        live_only,
    };
    vec![CollectionSpec { name: "users".into(), indexes: vec![index] }]
}

#[tokio::test]
async fn unique_is_checked_after_each_write() {
    let store = MemoryStore::new();
    store.admin().prepare(&unique(true, true)).await.unwrap();
    let user = |id: i32, email: Option<&str>, live: bool| doc! { "_id": id, "email": email, "_live": live };
    let documents = vec![
        user(1, Some("a@x"), true),
        user(2, Some("b@x"), true),
        user(3, Some("a@x"), false),
        user(4, None, true),
        user(5, None, true),
    ];
    add(&store, documents).await;
    let taken = store.commit(commit("6", Any, vec![insert(user(6, Some("a@x"), true))])).await.unwrap_err();
    let Error::Unique(violation) = taken else { panic!("{taken}") };
    assert_eq!((violation.id.as_str(), violation.fields.as_slice()), ("6", ["email".to_owned()].as_slice()));
    let set = |id: i32, email: &str| {
        let set = vec![("email".to_owned(), Bson::from(email)), ("_v".to_owned(), Bson::Int64(2))];
        write(id, DocumentOp::Patch { expected: 1, set, unset: Vec::new() })
    };
    let swapped = store.commit(commit("1", Any, vec![set(1, "b@x"), set(2, "a@x")])).await;
    assert!(matches!(swapped, Err(Error::Unique(_))));
    store.commit(commit("1", Any, vec![set(1, "c@x"), set(2, "a@x")])).await.unwrap();
    assert_eq!(ids(&store, Predicate::eq("email", "a@x")).await, [Bson::Int32(2), Bson::Int32(3)]);
    let revive = DocumentOp::Patch { expected: 1, set: vec![("_live".into(), true.into())], unset: Vec::new() };
    assert!(matches!(store.commit(commit("3", Any, vec![write(3, revive)])).await, Err(Error::Unique(_))));
}

#[tokio::test]
async fn prepare_builds_what_is_missing_and_names_what_differs() {
    let store = holding(vec![doc! { "_id": 1, "email": "a" }, doc! { "_id": 2, "email": "a" }]).await;
    assert!(matches!(store.prepare(&unique(false, false)).await, Err(Error::Unique(_))));
    store.commit(commit("1", Any, vec![write(2, DocumentOp::Delete { expected: 1 })])).await.unwrap();
    assert!(store.prepare(&unique(false, false)).await.unwrap().is_empty());
    assert!(store.prepare(&unique(false, false)).await.unwrap().is_empty());
    let drifts = store.prepare(&unique(false, true)).await.unwrap();
    assert_eq!((drifts.len(), drifts[0].index.as_str()), (1, "email_1"));
}

#[tokio::test]
async fn time_never_falls_within_a_stream() {
    let store = MemoryStore::new();
    let mut late = event("late");
    late.recorded_at = moment(5_000) + chrono::Duration::microseconds(250);
    let mut first = append("1", NoStream, vec![late, event("early")]);
    first.not_before = Some(moment(2_000));
    let done = store.commit(Commit { appends: vec![first], ..Commit::new(Uuid::now_v7()) }).await.unwrap();
    assert!(done.events.iter().all(|event| event.recorded_at == moment(5_000)));
    let next = store.commit(commit("1", Exact(2), Vec::new())).await.unwrap();
    assert_eq!(next.events[0].recorded_at, moment(5_000));
    let mut after = append("2", NoStream, vec![event("x")]);
    after.not_before = Some(moment(7_000));
    let done = store.commit(Commit { appends: vec![after], ..Commit::new(Uuid::now_v7()) }).await.unwrap();
    assert_eq!(done.events[0].recorded_at, moment(7_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_on_one_stream_store_exactly_what_they_are_told() {
    let store = holding(vec![doc! { "_id": 1, "n": 0 }]).await;
    let writer = |store: MemoryStore| async move {
        let mut acknowledged = Vec::new();
        while acknowledged.len() < 50 {
            let stored = store.get("users", &Bson::Int32(1)).await.unwrap().unwrap();
            let version = u64::try_from(stored.get_i64("_v").unwrap()).unwrap();
            let set = vec![
                ("_v".to_owned(), Bson::Int64(stored.get_i64("_v").unwrap() + 1)),
                ("n".to_owned(), Bson::Int32(stored.get_i32("n").unwrap() + 1)),
            ];
            let patch = write(1, DocumentOp::Patch { expected: version, set, unset: Vec::new() });
            match store.commit(commit("1", Exact(version), vec![patch])).await {
                Ok(done) => acknowledged.push(done.events[0].id),
                Err(error) => assert!(error.is_conflict(), "{error}"),
            }
            tokio::task::yield_now().await;
        }
        acknowledged
    };
    let writers: Vec<_> = (0..8).map(|_| tokio::spawn(writer(store.clone()))).collect();
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    let events = store.read_stream(StreamQuery::all(stream("1"))).await.unwrap();
    let versions: Vec<_> = events.iter().map(|event| event.version).collect();
    assert_eq!(versions, (1..=401).collect::<Vec<_>>());
    let mut stored: Vec<_> = events.iter().skip(1).map(|event| event.id).collect();
    stored.sort();
    acknowledged.sort();
    assert_eq!(stored, acknowledged);
    let document = store.get("users", &Bson::Int32(1)).await.unwrap().unwrap();
    assert_eq!((document.get_i32("n").unwrap(), document.get_i64("_v").unwrap()), (400, 401));
    let page = store.read_log(LogQuery { limit: 1_000, ..LogQuery::default() }).await.unwrap();
    let positions: Vec<_> = page.events.iter().map(|event| event.position.get()).collect();
    assert_eq!(positions, (1..=401).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_closed_store_answers_so() {
    let store = holding(vec![doc! { "_id": 1 }]).await;
    store.clone().close().await.unwrap();
    assert!(matches!(store.get("users", &Bson::Int32(1)).await, Err(Error::Closed)));
    assert!(matches!(store.commit(commit("1", Any, Vec::new())).await, Err(Error::Closed)));
    assert!(matches!(store.aggregate_raw("users", Vec::new()).await, Err(Error::Closed)));
    assert!(store.close().await.is_ok());
}
