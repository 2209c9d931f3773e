//! Writers that die or stand still at each step of a transaction of several commits.

use std::time::{Duration, Instant};

use bson::doc;
use earnorm_core::commit::Commit;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::telemetry;
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;
use futures::future::join_all;

use crate::measured::{Measured, with_measured_store};
use crate::support::{again, append, appending, changing, creating, moving, put, with_store};

/// Where the writer dies, and whether its commits are in the log afterwards.
const STEPS: [(Sabotage, bool); 8] = [
    (Sabotage::AbandonBeforeTransaction, false),
    (Sabotage::AbandonAfterGuards, false),
    (Sabotage::AbandonAfterReserve, false),
    (Sabotage::AbortAfterInsert, false),
    (Sabotage::LoseCommitAnswer, true),
    (Sabotage::FailCommitOnce, true),
    (Sabotage::AbandonAfterCommit, true),
    (Sabotage::Stall(Duration::from_millis(100)), true),
];

/// Commits of every kind that touch nothing in common.
fn company(round: usize) -> Vec<Commit> {
    let key = |what: &str| format!("{what}{round}");
    let mut several = creating(&key("several"), doc! { "n": 1 });
    several.appends.push(append(&key("other"), ExpectedVersion::NoStream, 3));
    let mut transactional = creating(&key("effect"), doc! {});
    transactional.checkpoints = moving(&key("mail"), None, (1, 1)).checkpoints;
    let any = appending(&key("any"), ExpectedVersion::Any);
    let alone = moving(&key("alone"), None, (1, 1));
    vec![changing(&key("kept"), 1, "n", 2), several, transactional, any, alone]
}

async fn positions(store: &MongoStore, commits: &[Commit]) -> Vec<usize> {
    let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("a page");
    let found = |id| page.events.iter().filter(|event| event.id == id).count();
    commits.iter().flat_map(|commit| &commit.appends).flat_map(|append| &append.events).map(|e| found(e.id)).collect()
}

#[test]
fn a_writer_that_dies_at_any_step_leaves_all_of_its_batch_or_nothing() {
    with_store(|store| async move {
        for (round, (how, written)) in STEPS.into_iter().enumerate() {
            put(&store, &format!("kept{round}"), doc! { "n": 1 }).await;
            let commits = company(round);
            let answers = store.sabotage_together(commits.clone(), how).await.expect("they are sent");
            let told = !matches!(how, Sabotage::AbandonAfterCommit) && written;
            assert!(answers.iter().all(|answer| answer.is_ok() == told), "{how:?}: {answers:?}");
            // Others go on.
            let began = Instant::now();
            put(&store, &format!("next{round}"), doc! {}).await;
            assert!(began.elapsed() < Duration::from_secs(3), "{how:?}");
            let found = positions(&store, &commits).await;
            assert!(found.iter().all(|found| *found == usize::from(written)), "{how:?}: {found:?}");
            // Sent again, they are there once, whatever became of them before.
            let again = join_all(commits.iter().map(|commit| store.commit(commit.clone()))).await;
            for (again, first) in again.iter().zip(&answers) {
                let again = again.as_ref().expect("it commits");
                assert!(first.as_ref().is_ok_and(|first| first == again) || !told, "{how:?}");
            }
            assert!(positions(&store, &commits).await.iter().all(|found| *found == 1), "{how:?}");
            let kept = store.get("things", &format!("kept{round}").into()).await.expect("a read").expect("it is there");
            assert_eq!((kept.get_i64("_v").ok(), kept.get_i32("n").ok()), (Some(2), Some(2)));
        }
    });
}

#[test]
fn others_commit_while_writers_die_at_every_step() {
    with_store(|store| async move {
        let writers = (0..8).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for turn in 0..10 {
                    put(&store, &format!("w{writer}-{turn}"), doc! {}).await;
                }
            })
        });
        let writers: Vec<_> = writers.collect();
        for (round, (how, _)) in STEPS.into_iter().enumerate() {
            put(&store, &format!("kept{round}"), doc! { "n": 1 }).await;
            let _unheard = store.sabotage_together(company(round), how).await.expect("they are sent");
        }
        for writer in writers {
            writer.await.expect("it ends");
        }
        let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("a page");
        let written = page.events.iter().filter(|event| event.stream.key().starts_with('w')).count();
        assert_eq!((written, page.more), (80, false));
    });
}

#[test]
fn what_a_frozen_writer_holds_is_free_again_within_seconds() {
    with_measured_store(|store, measured: Measured| async move {
        let frozen = again(&store).await;
        put(&store, "a", doc! {}).await;
        frozen.sabotage(changing("a", 1, "x", 1), Sabotage::FreezeInTransaction).await.expect_err("it stands still");
        let began = Instant::now();
        let receipt = store.commit(changing("a", 1, "x", 2)).await.expect("it changes");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(receipt.events[0].position.get(), 2);
        measured.read();
        assert_eq!(measured.counter(telemetry::WATCHDOG_KILLS), 1);
        assert!(measured.labelled(telemetry::COMMIT_CONFLICTS, "unnamed") > 0);
        println!("a document was free after {:?}", began.elapsed());

        frozen.sabotage(creating("b", doc! {}), Sabotage::FreezeAfterInsert).await.expect_err("it stands still");
        let next = store.commit(creating("c", doc! {})).await.expect("it commits").events[0].position;
        let began = Instant::now();
        while store.high_water().await.expect("a mark") < next {
            assert!(began.elapsed() < Duration::from_secs(5), "readers are stuck");
        }
        println!("a position was free after {:?}", began.elapsed());
        put(&store, "b", doc! {}).await;
        measured.read();
        assert_eq!((measured.counter(telemetry::WATCHDOG_KILLS), measured.counter(telemetry::HOLES_FILLED)), (1, 1));
        assert!(!measured.histogram(telemetry::HIGH_WATER_STALL).is_empty());
        frozen.close().await.expect("it closes");
    });
}

#[test]
fn a_frozen_lone_writer_keeps_the_counter_for_seconds_only() {
    with_measured_store(|store, measured: Measured| async move {
        let frozen = again(&store).await;
        put(&store, "a", doc! {}).await;
        frozen.sabotage(creating("b", doc! {}), Sabotage::FreezeWithCounter).await.expect_err("it stands still");
        let began = Instant::now();
        let receipt = store.commit(creating("c", doc! {})).await.expect("it commits");
        assert!(began.elapsed() < Duration::from_secs(6), "{:?}", began.elapsed());
        println!("the counter was free after {:?}", began.elapsed());
        assert_eq!(receipt.events[0].position.get(), 2, "no position went with it");
        put(&store, "b", doc! {}).await;
        measured.read();
        assert_eq!((measured.counter(telemetry::WATCHDOG_KILLS), measured.counter(telemetry::HOLES_FILLED)), (1, 0));
        frozen.close().await.expect("it closes");
    });
}

#[test]
fn a_lone_writer_burns_no_position_and_others_are_told_apart() {
    with_store(|store| async move {
        let other = again(&store).await;
        for n in 1..=3_u64 {
            let key = format!("n{n}");
            let made = store.commit(appending(&key, ExpectedVersion::NoStream)).await.expect("it commits");
            assert_eq!(made.events[0].position.get(), i64::try_from(n).expect("small"));
            // Found by the unique index, when the position is taken already.
            store.commit(appending(&key, ExpectedVersion::NoStream)).await.expect_err("it is there");
        }
        let writers = [store.clone(), other.clone()].into_iter().enumerate().map(|(who, store)| {
            tokio::spawn(async move {
                for n in 0..100 {
                    store
                        .commit(appending(&format!("w{who}-{n}"), ExpectedVersion::NoStream))
                        .await
                        .expect("it commits");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("it ends");
        }
        let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("a page");
        assert_eq!(page.events.len(), 203);
        other.close().await.expect("it closes");
    });
}

#[test]
fn one_frozen_document_does_not_hold_the_others_of_its_batch() {
    with_store(|store| async move {
        let frozen = again(&store).await;
        for n in 0..20 {
            put(&store, &format!("n{n}"), doc! {}).await;
        }
        frozen.sabotage(changing("n7", 1, "x", 1), Sabotage::FreezeInTransaction).await.expect_err("it stands still");
        let began = Instant::now();
        let sends = (0..20).map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.commit(changing(&format!("n{n}"), 1, "x", 2)).await.expect("it changes");
                began.elapsed()
            })
        });
        let times: Vec<_> =
            join_all(sends.collect::<Vec<_>>()).await.into_iter().map(|sent| sent.expect("it ends")).collect();
        let slow = times.iter().filter(|time| **time > Duration::from_millis(900)).count();
        println!("with one document held: {times:?}");
        assert!(slow <= 1 && times[7] < Duration::from_secs(6), "{times:?}");
        frozen.close().await.expect("it closes");
    });
}
