//! Commits that share transactions: each is answered as if it were alone.

use std::collections::HashSet;

use bson::doc;
use earnorm_core::Error;
use earnorm_core::commit::{Check, DocumentOp};
use earnorm_core::error::Applied;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{Store, StreamQuery};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::telemetry;
use earnorm_store::mongo::MongoStore;
use futures::future::join_all;

use crate::measured::{Measured, with_measured_store};
use crate::support::{agrees, append, appending, at_once, changing, creating, moving, put, stream, with_store, write};

pub(crate) async fn unique_email(store: &MongoStore) {
    let keys = vec![("email".to_owned(), false)];
    let present = vec![("email".to_owned(), "".into())];
    let index = IndexSpec { keys, unique: true, present, live_only: false };
    let spec = CollectionSpec { name: "things".to_owned(), indexes: vec![index] };
    store.admin().prepare(&[spec]).await.expect("it prepares");
}

#[test]
fn savers_of_different_things_share_transactions() {
    with_measured_store(|store, measured: Measured| async move {
        unique_email(&store).await;
        let savers = (0..64).map(|saver| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = format!("s{saver}");
                let mut receipts = vec![store.commit(creating(&key, doc! { "n": 0 })).await.expect("it is created")];
                for version in 1..5 {
                    receipts.push(store.commit(changing(&key, version, "n", 1)).await.expect("it changes"));
                }
                receipts
            })
        });
        let savers: Vec<_> = join_all(savers.collect::<Vec<_>>()).await;
        let receipts: Vec<_> = savers.into_iter().flat_map(|saver| saver.expect("it ends")).collect();
        agrees(&store, &receipts).await;
        let positions: HashSet<_> = receipts.iter().map(|receipt| receipt.events[0].position).collect();
        assert_eq!(positions.len(), 320);
        measured.read();
        let batches = measured.histogram(telemetry::BATCH_SIZE);
        assert!(batches.iter().copied().fold(0.0, f64::max) > 8.0, "{batches:?}");
        assert!(batches.len() < 160, "{} transactions for 320 commits", batches.len());
        assert_eq!(measured.histogram(telemetry::COMMIT_WAIT).len(), 320);
        assert_eq!(measured.counter(telemetry::COMMITS), 320);
        assert_eq!(measured.counter(telemetry::HOLES_GIVEN_UP), 0);
    });
}

#[test]
fn each_of_a_batch_gets_its_own_error_and_the_others_succeed() {
    with_measured_store(|store, measured: Measured| async move {
        unique_email(&store).await;
        put(&store, "stale", doc! {}).await;
        store.commit(changing("stale", 1, "x", 1)).await.expect("it changes");
        put(&store, "taken", doc! { "email": "taken" }).await;
        put(&store, "stream", doc! {}).await;
        let mut commits: Vec<_> =
            (0..20).map(|n| creating(&format!("n{n}"), doc! { "email": format!("{n}") })).collect();
        commits.insert(3, changing("stale", 1, "x", 2));
        commits.insert(7, creating("other", doc! { "email": "taken" }));
        commits.insert(11, creating("taken", doc! { "email": "new" }));
        commits.insert(13, appending("stream", ExpectedVersion::Exact(7)));
        // No model makes such a document: the server refuses its `_id`.
        let mut invalid = appending("invalid", ExpectedVersion::NoStream);
        let mut refused = write("invalid", DocumentOp::Insert { document: doc! { "_v": 1_i64 } });
        refused.id = bson::Bson::Array(vec![1.into()]);
        invalid.documents.push(refused);
        commits.insert(17, invalid);
        let before = store.high_water().await.expect("a mark").get();
        let answers = at_once(&store, commits).await;
        for (index, answer) in answers.iter().enumerate() {
            match (index, answer) {
                (3, Err(Error::Conflict(conflict))) => assert_eq!(conflict.actual, 2),
                (7, Err(Error::Unique(taken))) => {
                    assert_eq!((taken.fields.as_slice(), taken.id.as_str()), (&["email".to_owned()][..], "other"))
                }
                (11, Err(Error::Conflict(conflict))) => {
                    assert_eq!((conflict.expected, conflict.actual), (ExpectedVersion::NoStream, 1))
                }
                (13, Err(Error::Conflict(conflict))) => assert_eq!(conflict.actual, 1),
                (17, Err(error)) => {
                    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, false), "{error}")
                }
                (3 | 7 | 11 | 13 | 17, other) => panic!("{index}: {other:?}"),
                (_, answer) => assert!(answer.is_ok(), "{index}: {answer:?}"),
            }
        }
        let receipts: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
        agrees(&store, &receipts).await;
        assert_eq!(receipts.len(), 20);
        assert_eq!(store.get("things", &"other".into()).await.expect("a read"), None);
        assert!(store.high_water().await.expect("a mark").get() >= before + 20);
        measured.read();
        assert!(measured.histogram(telemetry::BATCH_SIZE).iter().copied().fold(0.0, f64::max) > 8.0);
        assert_eq!(measured.labelled(telemetry::COMMITS, "conflict"), 3);
        assert_eq!(measured.labelled(telemetry::COMMITS, "unique"), 1);
        assert_eq!(measured.labelled(telemetry::COMMITS, "failed"), 1);
        assert!(measured.labelled(telemetry::COMMIT_CONFLICTS, "named") >= 5);
        assert!(measured.counter(telemetry::COMMIT_RETRIES) > 0);
    });
}

#[test]
fn of_rivals_for_a_unique_value_one_wins() {
    with_store(|store| async move {
        unique_email(&store).await;
        let answers = at_once(&store, (0..8).map(|n| creating(&format!("r{n}"), doc! { "email": "y" }))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(answers.iter().filter(|answer| matches!(answer, Err(Error::Unique(_)))).count(), 7);
    });
}

#[test]
fn stale_members_do_not_send_the_others_again() {
    with_measured_store(|store, measured: Measured| async move {
        put(&store, "hot", doc! {}).await;
        for n in 0..20 {
            put(&store, &format!("n{n}"), doc! {}).await;
        }
        store.commit(changing("hot", 1, "x", 1)).await.expect("it changes");
        let before = store.high_water().await.expect("a mark").get();
        let mut commits: Vec<_> = (0..20).map(|n| changing(&format!("n{n}"), 1, "x", 1)).collect();
        commits.insert(10, changing("hot", 1, "x", 2));
        let answers = at_once(&store, commits).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 20);
        assert_eq!(store.high_water().await.expect("a mark").get(), before + 20);
        measured.read();
        assert_eq!(measured.counter(telemetry::COMMIT_RETRIES), 0);
        assert_eq!(measured.counter(telemetry::HOLES_GIVEN_UP), 0);
    });
}

#[test]
fn one_commit_sent_twice_at_once_in_company_is_applied_once() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        for round in 1..6 {
            let twice = changing("a", round, "x", 1);
            let mut commits = vec![twice.clone(), twice.clone(), twice.clone()];
            commits.extend((0..10).map(|n| creating(&format!("{round}-{n}"), doc! {})));
            let any = appending("any", ExpectedVersion::Any);
            commits.extend([any.clone(), any]);
            let answers = at_once(&store, commits).await;
            let receipts: Vec<_> = answers.into_iter().map(|answer| answer.expect("it commits")).collect();
            assert!(receipts[0] == receipts[1] && receipts[1] == receipts[2]);
            assert_eq!(receipts[13], receipts[14]);
            assert_eq!(receipts[13].events[0].version, round);
            agrees(&store, &receipts).await;
        }
        assert_eq!(store.read_stream(StreamQuery::all(stream("a"))).await.expect("the stream").len(), 6);
    });
}

#[test]
fn appends_at_any_version_share_transactions_across_streams() {
    with_measured_store(|store, measured: Measured| async move {
        for n in 0..30 {
            store.commit(appending(&format!("s{n}"), ExpectedVersion::NoStream)).await.expect("it begins");
        }
        let commits = (0..120).map(|n| {
            let mut commit = appending(&format!("s{}", n % 30), ExpectedVersion::Any);
            commit.appends.push(append(&format!("own{n}"), ExpectedVersion::NoStream, 2));
            commit
        });
        let answers = at_once(&store, commits).await;
        let receipts: Vec<_> = answers.into_iter().map(|answer| answer.expect("it commits")).collect();
        agrees(&store, &receipts).await;
        for n in 0..30 {
            let events = store.read_stream(StreamQuery::all(stream(&format!("s{n}")))).await.expect("the stream");
            assert!(events.iter().map(|event| event.version).eq(1..=5));
            assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
        }
        measured.read();
        assert!(measured.histogram(telemetry::BATCH_SIZE).iter().copied().fold(0.0, f64::max) > 8.0);
        assert_eq!(measured.counter(telemetry::HOLES_GIVEN_UP), 0);
    });
}

#[test]
fn checks_and_checkpoints_are_judged_in_company() {
    with_store(|store| async move {
        put(&store, "read", doc! {}).await;
        store.commit(moving("mail", None, (0, 1))).await.expect("it starts");
        let checking = |key: &str, expected| {
            let mut commit = creating(key, doc! {});
            commit.checks.push(Check { collection: "things".to_owned(), id: "read".into(), expected });
            commit
        };
        let mut commits: Vec<_> = (0..5).map(|n| checking(&format!("good{n}"), 1)).collect();
        commits.extend((0..5).map(|n| checking(&format!("bad{n}"), 2)));
        commits.extend((0..5).map(|n| moving("mail", Some((0, 1)), (n + 1, 1))));
        commits.extend((0..5).map(|n| moving(&format!("other{n}"), None, (n, 1))));
        let answers = at_once(&store, commits).await;
        assert!(answers[..5].iter().all(Result::is_ok), "{answers:?}");
        assert!(answers[5..10].iter().all(|answer| answer.as_ref().is_err_and(Error::is_conflict)), "{answers:?}");
        assert_eq!(answers[10..15].iter().filter(|answer| answer.is_ok()).count(), 1);
        let lost = answers[10..15].iter().filter(|answer| matches!(answer, Err(Error::CheckpointConflict { .. })));
        assert_eq!(lost.count(), 4);
        assert!(answers[15..].iter().all(Result::is_ok), "{answers:?}");
    });
}
