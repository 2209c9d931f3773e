//! What a commit promises: all or nothing, guarded, unique, once.

use bson::{Document, doc};
use earnorm_core::Error;
use earnorm_core::commit::{Check, Committed, DocumentOp};
use earnorm_core::error::VersionConflict;
use earnorm_core::position::Position;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{LogQuery, Store, StreamQuery};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;

use crate::support::{append, appending, changing, creating, moving, put, stream, with_store, write};

#[test]
fn a_commit_is_read_back_as_it_was_sent() {
    with_store(|store| async move {
        let mut commit = creating("a", doc! { "x": 1 });
        commit.appends.push(append("b", ExpectedVersion::NoStream, 3));
        let sent: Vec<_> = commit.appends.iter().flat_map(|append| append.events.clone()).collect();
        let committed = store.commit(commit).await.expect("it commits");
        let positions: Vec<_> = committed.events.iter().map(|event| event.position.get()).collect();
        assert_eq!(positions, [1, 2, 3, 4]);
        let page = store.read_log(LogQuery::default()).await.expect("a page");
        assert_eq!((page.events.len(), page.high_water, page.more), (4, Position::new(4), false));
        for (event, sent) in page.events.iter().zip(&sent) {
            assert_eq!((event.id, event.data().unwrap(), &event.metadata), (sent.id, &sent.data, &sent.metadata));
            assert_eq!((&event.event_type, event.recorded_at), (&sent.event_type, sent.recorded_at));
        }
        let versions: Vec<_> = store.read_stream(StreamQuery::all(stream("b"))).await.expect("the stream");
        assert_eq!(versions.iter().map(|event| event.version).collect::<Vec<_>>(), [1, 2, 3]);
        let document = store.get("things", &"a".into()).await.expect("a read");
        assert_eq!(document, Some(doc! { "_id": "a", "_v": 1_i64, "x": 1 }));
    });
}

#[test]
fn a_stale_version_is_refused_with_both_versions_and_burns_no_position() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        store.commit(changing("a", 1, "x", 1)).await.expect("it changes");
        for commit in [changing("a", 1, "x", 2), changing("a", 7, "x", 2)] {
            let expected = commit.appends[0].expected;
            let Err(Error::Conflict(conflict)) = store.commit(commit).await else { panic!("a conflict") };
            assert_eq!((conflict.expected, conflict.actual), (expected, 2));
        }
        let Err(Error::Conflict(conflict)) = store.commit(creating("a", doc! {})).await else { panic!("a conflict") };
        assert_eq!((conflict.expected, conflict.actual), (ExpectedVersion::NoStream, 2));
        let committed = store.commit(changing("a", 2, "x", 3)).await.expect("it changes");
        assert_eq!(committed.events[0].position, Position::new(3));
    });
}

#[test]
fn a_stream_without_a_document_is_guarded_too() {
    with_store(|store| async move {
        let exact = |version| appending("a", ExpectedVersion::Exact(version));
        let Err(Error::Conflict(conflict)) = store.commit(exact(1)).await else { panic!("a conflict") };
        assert_eq!(conflict.actual, 0);
        store.commit(appending("a", ExpectedVersion::NoStream)).await.expect("the first");
        let Err(Error::Conflict(conflict)) = store.commit(exact(5)).await else { panic!("a gap would arise") };
        assert_eq!(conflict.actual, 1);
        store.commit(exact(1)).await.expect("the second");
        let again = store.commit(appending("a", ExpectedVersion::NoStream)).await;
        let Err(Error::Conflict(conflict)) = again else { panic!("a conflict") };
        assert_eq!(conflict.actual, 2);
        let third = store.commit(appending("a", ExpectedVersion::Any)).await.expect("the third");
        assert_eq!(third.events[0].version, 3);
    });
}

#[test]
fn one_refused_part_refuses_all() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let mut commit = creating("b", doc! {});
        let stale = changing("a", 9, "x", 1);
        commit.appends.extend(stale.appends);
        commit.documents.extend(stale.documents);
        assert!(store.commit(commit).await.expect_err("stale").is_conflict());
        assert_eq!(store.get("things", &"b".into()).await.expect("a read"), None);
        assert!(store.read_stream(StreamQuery::all(stream("b"))).await.expect("a read").is_empty());
    });
}

#[test]
fn a_deleted_document_conflicts_with_its_streams_version() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let mut commit = appending("a", ExpectedVersion::Exact(1));
        commit.documents.push(write("a", DocumentOp::Delete { expected: 1 }));
        store.commit(commit).await.expect("it is deleted");
        let Err(Error::Conflict(conflict)) = store.commit(changing("a", 1, "x", 1)).await else { panic!("gone") };
        assert_eq!(conflict.actual, 2);
        let Err(Error::Conflict(conflict)) = store.commit(changing("z", 1, "x", 1)).await else { panic!("never was") };
        assert_eq!(conflict.actual, 0);
    });
}

async fn prepare(store: &MongoStore, present: bool, live_only: bool) {
    let present = if present { vec![("email".to_owned(), "".into())] } else { Vec::new() };
    let index = IndexSpec { keys: vec![("email".to_owned(), false)], unique: true, present, live_only };
    let spec = CollectionSpec { name: "things".to_owned(), indexes: vec![index] };
    let drift = store.admin().prepare(std::slice::from_ref(&spec)).await.expect("it prepares");
    assert!(drift.is_empty(), "{drift:?}");
    assert!(store.admin().prepare(&[spec]).await.expect("it prepares again").is_empty());
}

#[test]
fn a_unique_value_is_taken_once_and_the_field_is_named() {
    with_store(|store| async move {
        prepare(&store, true, true).await;
        put(&store, "a", doc! { "_live": true, "email": "x" }).await;
        let Err(Error::Unique(taken)) = store.commit(creating("b", doc! { "_live": true, "email": "x" })).await else {
            panic!("taken")
        };
        assert_eq!((taken.collection.as_str(), taken.fields.as_slice()), ("things", &["email".to_owned()][..]));
        put(&store, "c", doc! { "_live": false, "email": "x" }).await;
        put(&store, "d", doc! { "_live": true, "email": bson::Bson::Null }).await;
        put(&store, "e", doc! { "_live": true, "email": bson::Bson::Null }).await;
        assert!(matches!(store.commit(changing("d", 1, "email", "x")).await, Err(Error::Unique(_))));
        store.commit(changing("a", 1, "email", "y")).await.expect("it gives the value up");
        store.commit(changing("d", 1, "email", "x")).await.expect("it takes the value");
    });
}

#[test]
fn an_index_that_differs_is_reported_and_left_alone() {
    with_store(|store| async move {
        prepare(&store, true, false).await;
        let index =
            IndexSpec { keys: vec![("email".to_owned(), false)], unique: false, present: Vec::new(), live_only: false };
        let spec = CollectionSpec { name: "things".to_owned(), indexes: vec![index] };
        let drift = store.admin().prepare(&[spec]).await.expect("it prepares");
        assert_eq!((drift[0].collection.as_str(), drift[0].index.as_str()), ("things", "earnorm_email"));
        assert!(drift[0].difference.contains("unique"), "{}", drift[0].difference);
    });
}

#[test]
fn the_same_commit_again_answers_with_the_first_receipt() {
    with_store(|store| async move {
        let commit = creating("a", doc! {});
        let first = store.commit(commit.clone()).await.expect("it commits");
        store.commit(changing("a", 1, "x", 1)).await.expect("it changes");
        assert_eq!(store.commit(commit.clone()).await.expect("it was applied"), first);
        let mut other = appending("z", ExpectedVersion::NoStream);
        other.id = commit.id;
        assert!(matches!(store.commit(other).await, Err(Error::InvalidCommit { .. })));

        let any = appending("b", ExpectedVersion::Any);
        let sends = (0..8).map(|_| store.commit(any.clone()));
        let receipts = futures::future::join_all(sends).await;
        let first = receipts[0].as_ref().expect("a receipt");
        assert!(receipts.iter().all(|receipt| receipt.as_ref().is_ok_and(|receipt| receipt == first)), "{receipts:?}");
        assert_eq!(store.read_stream(StreamQuery::all(stream("b"))).await.expect("the stream").len(), 1);
    });
}

#[test]
fn the_same_guarded_commit_sent_at_once_is_applied_once() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        for version in 1..10 {
            let commit = changing("a", version, "x", 1);
            let receipts = futures::future::join_all((0..4).map(|_| store.commit(commit.clone()))).await;
            let first = receipts[0].as_ref().expect("a receipt");
            assert!(receipts.iter().all(|receipt| receipt.as_ref().is_ok_and(|r| r == first)), "{receipts:?}");
        }
    });
}

#[test]
fn an_unclear_commit_is_settled_and_applied_once() {
    with_store(|store| async move {
        for (key, how) in [("a", Sabotage::LoseCommitAnswer), ("b", Sabotage::FailCommitOnce)] {
            let committed = store.sabotage(creating(key, doc! {}), how).await.expect("it is settled");
            let events = store.read_stream(StreamQuery::all(stream(key))).await.expect("the stream");
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].position, committed.events[0].position);
        }
    });
}

#[test]
fn a_checkpoint_moves_by_compare_and_set() {
    with_store(|store| async move {
        assert_eq!(store.checkpoint("mail").await.expect("a read"), None);
        let first = moving("mail", None, (0, 1));
        store.commit(first.clone()).await.expect("it starts");
        store.commit(first).await.expect("the same again");
        store.commit(moving("mail", Some((0, 1)), (5, 1))).await.expect("it moves");
        for stale in [None, Some((0, 1)), Some((5, 2))] {
            let refused = store.commit(moving("mail", stale, (9, 1))).await;
            assert!(matches!(refused, Err(Error::CheckpointConflict { .. })), "{stale:?}: {refused:?}");
        }
        let lost = store.sabotage(moving("mail", Some((5, 1)), (6, 1)), Sabotage::LoseCommitAnswer).await;
        assert!(lost.expect("it is settled").events.is_empty());
        let found = store.checkpoint("mail").await.expect("a read").expect("a checkpoint");
        assert_eq!((found.position.get(), found.epoch), (6, 1));
    });
}

#[test]
fn what_was_only_read_must_still_hold() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let checking = |key, expected| {
            let mut commit = creating(key, doc! {});
            commit.checks.push(Check { collection: "things".to_owned(), id: "a".into(), expected });
            commit
        };
        store.commit(checking("b", 1)).await.expect("it holds");
        let Err(Error::Conflict(conflict)) = store.commit(checking("c", 2)).await else { panic!("it does not hold") };
        assert_eq!((conflict.expected, conflict.actual), (ExpectedVersion::Exact(2), 1));
    });
}

fn conflict(answer: Result<Committed, Error>) -> Box<VersionConflict> {
    match answer {
        Err(Error::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict, not {other:?}"),
    }
}

#[test]
fn a_document_vouches_only_for_the_stream_of_its_key_at_its_version() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        put(&store, "b", doc! {}).await;
        store.commit(changing("b", 1, "x", 1)).await.expect("it changes");
        let mut other_key = appending("a", ExpectedVersion::Exact(2));
        other_key.documents = changing("b", 2, "x", 2).documents;
        let mut other_version = appending("a", ExpectedVersion::Exact(4));
        other_version.documents = changing("a", 1, "x", 2).documents;
        for (commit, expected) in [(other_key, 2), (other_version, 4)] {
            let refused = conflict(store.commit(commit).await);
            let told = (refused.subject.as_str(), refused.expected, refused.actual);
            assert_eq!(told, ("thing-a", ExpectedVersion::Exact(expected), 1));
        }
    });
}

#[test]
fn a_document_that_somebody_took_away_conflicts_although_its_stream_is_where_it_was() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let things = store.raw_database().collection::<Document>("things");
        things.delete_one(doc! { "_id": "a" }).await.expect("it is taken away");
        let refused = conflict(store.commit(changing("a", 1, "x", 1)).await);
        assert_eq!((refused.expected, refused.actual), (ExpectedVersion::Exact(1), 0), "there is nothing to change");
    });
}
