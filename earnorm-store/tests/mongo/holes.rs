//! Holes: writers that die, stall and abort, and readers who must miss nothing and see nothing twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bson::doc;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;
use uuid::Uuid;

use crate::support::{again, appending, creating, put, with_store};

#[test]
fn a_hole_is_filled_after_the_grace_and_never_passed_before() {
    with_store(|store| async move {
        for how in [Sabotage::AbandonAfterReserve, Sabotage::AbortAfterInsert] {
            let before = store.high_water().await.expect("a mark").get();
            store.sabotage(creating("dead", doc! {}), how).await.expect_err("the writer is gone");
            assert_eq!(store.high_water().await.expect("a mark").get(), before);
            let next = store.commit(appending("alive", ExpectedVersion::Any)).await.expect("it commits");
            assert_eq!(next.events[0].position.get(), before + 2);
            let log = LogQuery { after: Position::new(before), ..LogQuery::default() };
            let page = store.read_log(log).await.expect("a page");
            assert_eq!((page.high_water.get(), page.events.len()), (before + 2, 1));
        }
    });
}

#[test]
fn a_live_transaction_holds_readers_back_until_it_commits() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let slow = store.clone();
        let stalled = tokio::spawn(async move {
            slow.sabotage(creating("slow", doc! {}), Sabotage::Stall(Duration::from_millis(400))).await
        });
        // The reservation shows in the counter before anything else does.
        let counters = store.raw_database().collection::<bson::Document>("earnorm_counters");
        while counters.find_one(doc! { "n": 2_i64 }).await.expect("a counter").is_none() {
            tokio::task::yield_now().await;
        }
        put(&store, "b", doc! {}).await;
        let page = store.read_log(LogQuery::default()).await.expect("a page");
        let stalled = stalled.await.expect("it ends").expect("it commits");
        let positions: Vec<_> = page.events.iter().map(|event| event.position.get()).collect();
        assert_eq!((stalled.events[0].position.get(), positions), (2, vec![1, 2, 3]));
    });
}

#[test]
fn a_frozen_writer_only_delays_readers() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let slow = store.clone();
        let frozen = tokio::spawn(async move {
            slow.sabotage(creating("slow", doc! {}), Sabotage::Stall(Duration::from_secs(6))).await
        });
        let counters = store.raw_database().collection::<bson::Document>("earnorm_counters");
        while counters.find_one(doc! { "n": 2_i64 }).await.expect("a counter").is_none() {
            tokio::task::yield_now().await;
        }
        put(&store, "b", doc! {}).await;
        let readers = (0..8).map(|_| store.read_log(LogQuery::default()));
        for page in futures::future::join_all(readers).await {
            let page = page.expect("a page");
            // Either they gave up waiting, or the frozen transaction was ended and its position filled.
            assert!(matches!((page.high_water.get(), page.events.len(), page.more), (1, 1, false) | (3, 2, false)));
        }
        assert!(!frozen.is_finished(), "readers were answered before the writer went on");
        let late = frozen.await.expect("it ends").expect("it commits, at another position");
        assert_eq!((late.events[0].position.get(), store.high_water().await.expect("a mark").get()), (4, 4));
    });
}

#[test]
fn the_mark_is_written_down_for_the_next_process() {
    with_store(|store| async move {
        put(&store, "a", doc! {}).await;
        let other = again(&store).await;
        assert_eq!(other.high_water().await.expect("a mark"), Position::new(1));
        other.close().await.expect("it closes");
        let meta = store.raw_database().collection::<bson::Document>("earnorm_meta");
        let saved = meta.find_one(doc! { "_id": "high_water" }).await.expect("a read").expect("a mark");
        assert_eq!(saved.get_i64("p").expect("a position"), 1);
    });
}

/// Reads on from a checkpoint until `done`, and then until the end.
async fn follow(store: MongoStore, done: Arc<AtomicBool>) -> Vec<Uuid> {
    let (mut after, mut seen) = (Position::START, Vec::new());
    loop {
        let last = done.load(Ordering::Acquire);
        let page = store.read_log(LogQuery { after, limit: 50, ..LogQuery::default() }).await.expect("a page");
        for event in &page.events {
            assert!(event.position > after, "{} after {after}", event.position);
            after = event.position;
            seen.push(event.id);
        }
        if !page.more {
            after = after.max(page.high_water);
            if last {
                return seen;
            }
        }
    }
}

/// Every tenth writer abandons, every tenth aborts, every twentieth stalls, every twentieth loses its answer.
fn fault(turn: usize) -> Option<Sabotage> {
    match turn % 20 {
        3 | 13 => Some(Sabotage::AbandonAfterReserve),
        6 | 16 => Some(Sabotage::AbortAfterInsert),
        9 => Some(Sabotage::Stall(Duration::from_millis(60))),
        11 => Some(Sabotage::LoseCommitAnswer),
        17 => Some(Sabotage::FailCommitOnce),
        _ => None,
    }
}

#[test]
fn racing_readers_miss_nothing_and_see_nothing_twice_among_hostile_writers() {
    with_store(|store| async move {
        let done = Arc::new(AtomicBool::new(false));
        let own = again(&store).await;
        let readers: Vec<_> = [store.clone(), store.clone(), own.clone()]
            .into_iter()
            .map(|s| tokio::spawn(follow(s, Arc::clone(&done))))
            .collect();
        let writers = (0..8).map(|writer: usize| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                for turn in 0..60 {
                    let commit = appending(&format!("s{writer}"), ExpectedVersion::Any);
                    let id = commit.appends[0].events[0].id;
                    let written = match fault(turn + writer * 7) {
                        Some(how) => store.sabotage(commit, how).await,
                        None => store.commit(commit).await,
                    };
                    if written.is_ok() {
                        acknowledged.push(id);
                    }
                }
                acknowledged
            })
        });
        let mut acknowledged = HashSet::new();
        for writer in futures::future::join_all(writers).await {
            acknowledged.extend(writer.expect("it ends"));
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            let seen = reader.await.expect("it ends");
            let different: HashSet<_> = seen.iter().copied().collect();
            assert_eq!(different.len(), seen.len(), "seen twice");
            let missed = acknowledged.difference(&different).count();
            assert_eq!((missed, different.len()), (0, acknowledged.len()));
        }
        own.close().await.expect("it closes");
    });
}
