//! Commits in line: bounds, room, fairness, callers that go away, and closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bson::doc;
use earnorm_core::Error;
use earnorm_core::commit::Commit;
use earnorm_core::error::Applied;
use earnorm_core::store::{Store, StreamQuery};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::telemetry;
use earnorm_store::mongo::{Batching, MongoStore};
use earnorm_store::sabotage::Sabotage;
use futures::future::join_all;

use crate::measured::{Measured, with_measured_store};
use crate::support::{agrees, append, appending, at_once, creating, put, stream, uri, with_store};

#[test]
fn more_commits_than_there_is_room_for_wait_and_then_hear_that_nothing_was_written() {
    with_store(|store| async move {
        let batching = Batching { waiting: 4, in_flight: 1, ..Batching::default() };
        let builder = MongoStore::builder(&uri()).database(store.raw_database().name()).batching(batching);
        let narrow = builder.commit_timeout(Duration::from_millis(1_500)).connect().await.expect("it connects");
        put(&narrow, "a", doc! {}).await;
        // All wait for room, and get it in time.
        let answers = at_once(&narrow, (0..40).map(|n| creating(&format!("n{n}"), doc! {}))).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        // One stands still: the others find room and time over.
        let slow = narrow.clone();
        let stalled = tokio::spawn(async move {
            slow.sabotage(creating("slow", doc! {}), Sabotage::Stall(Duration::from_secs(4))).await
        });
        while narrow
            .raw_database()
            .collection::<bson::Document>("earnorm_counters")
            .find_one(doc! { "n": 42_i64 })
            .await
            .expect("a counter")
            .is_none()
        {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        let answers = at_once(&narrow, (0..10).map(|n| creating(&format!("late{n}"), doc! {}))).await;
        assert!(began.elapsed() < Duration::from_secs(4), "they are told within their time-out");
        for answer in answers {
            let error = answer.expect_err("no room");
            assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, true), "{error}");
        }
        stalled.await.expect("it ends").expect("it commits");
        for n in 0..10 {
            assert_eq!(narrow.get("things", &format!("late{n}").into()).await.expect("a read"), None);
        }
        put(&narrow, "b", doc! {}).await;
        narrow.close().await.expect("it closes");
    });
}

#[test]
fn dropped_commits_are_wholly_there_or_not_in_company() {
    with_store(|store| async move {
        let commits: Vec<_> = (0..200).map(|n| creating(&format!("n{n}"), doc! {})).collect();
        let sends = commits.iter().cloned().enumerate().map(|(n, commit)| {
            let store = store.clone();
            tokio::spawn(async move {
                let patience = Duration::from_micros(100 * u64::try_from(n).expect("a number"));
                let _dropped = tokio::time::timeout(patience, store.commit(commit)).await;
            })
        });
        join_all(sends.collect::<Vec<_>>()).await;
        let receipts: Vec<_> =
            at_once(&store, commits).await.into_iter().map(|answer| answer.expect("again")).collect();
        agrees(&store, &receipts).await;
        for n in 0..200 {
            let events = store.read_stream(StreamQuery::all(stream(&format!("n{n}")))).await.expect("the stream");
            assert_eq!(events.len(), 1);
        }
    });
}

#[test]
fn close_waits_for_those_in_line() {
    with_store(|store| async move {
        let other = crate::support::again(&store).await;
        let sent = Arc::new(tokio::sync::Semaphore::new(0));
        let sends: Vec<_> = (0..50)
            .map(|n| {
                let (other, sent) = (other.clone(), Arc::clone(&sent));
                tokio::spawn(async move {
                    let commit = other.commit(creating(&format!("n{n}"), doc! {}));
                    sent.add_permits(1);
                    commit.await
                })
            })
            .collect();
        sent.acquire_many(50).await.expect("they are sent").forget();
        other.close().await.expect("it closes");
        let answers: Vec<_> = join_all(sends).await.into_iter().map(|sent| sent.expect("it ends")).collect();
        for answer in &answers {
            assert!(matches!(answer, Ok(_) | Err(Error::Closed)), "{answer:?}");
        }
        let receipts: Vec<_> = answers.into_iter().filter_map(Result::ok).collect();
        agrees(&store, &receipts).await;
    });
}

#[test]
fn a_commit_that_touches_what_many_write_is_not_starved() {
    with_store(|store| async move {
        let done = Arc::new(AtomicBool::new(false));
        let counts: Arc<Vec<AtomicU64>> = Arc::new((0..20).map(|_| AtomicU64::new(0)).collect());
        let writers: Vec<_> = (0..20)
            .map(|n| {
                let (store, done, counts) = (store.clone(), Arc::clone(&done), Arc::clone(&counts));
                tokio::spawn(async move {
                    while !done.load(Ordering::Acquire) {
                        store.commit(appending(&format!("s{n}"), ExpectedVersion::Any)).await.expect("it commits");
                        counts[n].fetch_add(1, Ordering::AcqRel);
                    }
                })
            })
            .collect();
        let now = || counts.iter().map(|count| count.load(Ordering::Acquire)).collect::<Vec<_>>();
        for _ in 0..10 {
            let before = now();
            let mut wide = Commit::new(uuid::Uuid::now_v7());
            wide.appends = (0..20).map(|n| append(&format!("s{n}"), ExpectedVersion::Any, 1)).collect();
            store.commit(wide).await.expect("it commits");
            let most = now().iter().zip(&before).map(|(now, before)| now - before).max();
            // One that was answered but not counted yet, one that was in line before.
            assert!(most.is_some_and(|most| most <= 3), "{most:?} commits went first");
        }
        done.store(true, Ordering::Release);
        for writer in writers {
            writer.await.expect("it ends");
        }
    });
}

#[test]
fn a_batch_keeps_to_its_bounds_and_a_larger_commit_goes_alone() {
    with_measured_store(|store, measured: Measured| async move {
        let batching = Batching { commits: 4, writes: 10, bytes: 1_000_000, in_flight: 1, ..Batching::default() };
        let builder = MongoStore::builder(&uri()).database(store.raw_database().name()).batching(batching);
        let bounded = builder.connect().await.expect("it connects");
        let mut commits: Vec<_> = (0..20).map(|n| creating(&format!("n{n}"), doc! {})).collect();
        let mut large = creating("large", doc! {});
        large.appends.push(append("other", ExpectedVersion::NoStream, 30));
        commits.push(large);
        commits.extend((0..2).map(|n| creating(&format!("big{n}"), doc! { "x": "x".repeat(700_000) })));
        let answers = at_once(&bounded, commits).await;
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        measured.read();
        let sizes = measured.histogram(telemetry::BATCH_SIZE);
        assert!(sizes.iter().all(|size| *size <= 4.0) && sizes.len() >= 8, "{sizes:?}");
        bounded.close().await.expect("it closes");
    });
}
