//! Readers and hostile writers: nothing is missed, nothing is seen twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use earnorm_core::commit::Committed;
use earnorm_core::position::Position;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::ExpectedVersion::Any;
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::draft::{Draft, commit, named, seed, stream};
use super::subject::last;
use super::{Sabotage, Subject};

const WRITERS: u64 = 4;
const COMMITS: usize = 25;
/// How often a reader asks at most: far more than it needs.
const PAGES_MAX: usize = 100_000;

pub(super) async fn readers_miss_nothing_while_hostile_writers_run(s: Subject) {
    let seed = seed(0x5eed);
    let written = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> =
        [1, 7, 100].into_iter().map(|limit| tokio::spawn(follow(s.clone(), limit, written.clone()))).collect();
    let writers = (0..WRITERS).map(|writer| tokio::spawn(hostile(s.clone(), seed.wrapping_add(writer))));
    let acknowledged: Vec<Committed> = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    s.settle(acknowledged.iter().map(last).max().unwrap()).await;
    written.store(true, Ordering::SeqCst);
    let log = s.log_to(Position::START).await;
    for reader in join_all(readers).await {
        let seen = reader.unwrap();
        let ids: BTreeSet<Uuid> = seen.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), seen.len(), "no event is seen twice");
        for event in acknowledged.iter().flat_map(|receipt| &receipt.events) {
            assert!(ids.contains(&event.id), "acknowledged at {} and never seen (seed {seed})", event.position);
        }
        let final_log: Vec<_> = log.iter().map(|event| (event.id, event.position)).collect();
        assert_eq!(seen, final_log, "a reader on the way sees what the log holds in the end (seed {seed})");
    }
}

pub(super) async fn a_hole_holds_readers_only_for_a_while(s: Subject) {
    let one = stream("user");
    let before = s.commits(commit().append(&one, Any, 1)).await;
    s.fixture.sabotage(&s.store, commit().append(&one, Any, 3), Sabotage::AbandonAfterReserve).await;
    let after = s.commits(commit().append(&one, Any, 1)).await;
    assert!(last(&after) > last(&before));
    let log = s.log_to(last(&after)).await;
    let versions: Vec<_> = log.iter().map(|event| event.version).collect();
    assert_eq!(versions, [1, 2], "a hole is no event");
}

pub(super) async fn an_aborted_commit_leaves_nothing_and_blocks_nobody(s: Subject) {
    let one = stream("user");
    for round in 1..=3_u64 {
        s.fixture.sabotage(&s.store, commit().append(&one, Any, 2), Sabotage::AbortAfterInsert).await;
        let receipt = s.commits(commit().append(&one, Any, 1)).await;
        assert_eq!(receipt.events[0].version, round);
        assert_eq!(s.log_to(last(&receipt)).await.len() as u64, round);
    }
}

pub(super) async fn a_writer_that_stalls_is_never_overtaken(s: Subject) {
    let slow = stream("slow");
    let sent = commit().append(&slow, Any, 1);
    let id = sent.appends[0].events[0].id;
    let stalling = s.clone();
    let how = Sabotage::Stall(Duration::from_millis(300));
    let stalled = tokio::spawn(async move { stalling.fixture.sabotage(&stalling.store, sent, how).await });
    let mut seen: Vec<(Uuid, Position)> = Vec::new();
    for _ in 0..10 {
        s.commits(commit().append(&stream("fast"), Any, 1)).await;
        extend(&s, &mut seen, 10).await;
    }
    stalled.await.unwrap();
    let end = s.commits(commit().append(&stream("fast"), Any, 1)).await;
    s.settle(last(&end)).await;
    while extend(&s, &mut seen, 10).await {}
    let stored = s.events(&slow).await.iter().any(|event| event.id == id);
    assert_eq!(seen.iter().any(|(seen, _)| *seen == id), stored, "what is stored is seen, what is not is not");
    assert_eq!(seen.len(), 11 + usize::from(stored));
}

pub(super) async fn a_high_water_mark_never_falls(s: Subject) {
    let watched = s.clone();
    let written = Arc::new(AtomicBool::new(false));
    let done = written.clone();
    let watcher = tokio::spawn(async move {
        let mut before = Position::START;
        while !done.load(Ordering::SeqCst) {
            let mark = watched.high_water().await.unwrap();
            assert!(mark >= before, "{mark} after {before}");
            before = mark;
            tokio::task::yield_now().await;
        }
        before
    });
    let seed = seed(0xacc);
    let writers = (0..2).map(|writer| tokio::spawn(hostile(s.clone(), seed.wrapping_add(writer))));
    let acknowledged: Vec<Committed> = join_all(writers).await.into_iter().flat_map(Result::unwrap).collect();
    written.store(true, Ordering::SeqCst);
    let end = acknowledged.iter().map(last).max().unwrap();
    s.settle(end).await;
    assert!(watcher.await.unwrap() <= s.high_water().await.unwrap());
    let positions: BTreeMap<Position, Uuid> =
        s.log_to(end).await.iter().map(|event| (event.position, event.id)).collect();
    assert!(positions.len() >= acknowledged.len());
}

/// Writes to a few streams; 10% of the commits are abandoned, 10% aborted, 3% stall. The acknowledged ones.
async fn hostile(s: Subject, seed: u64) -> Vec<Committed> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut acknowledged = Vec::new();
    for _ in 0..COMMITS {
        let sent =
            commit().append(&named("user", &random.random_range(0..20).to_string()), Any, random.random_range(1..4));
        let how = match random.random_range(0..100) {
            0..10 => Some(Sabotage::AbandonAfterReserve),
            10..20 => Some(Sabotage::AbortAfterInsert),
            20..23 => Some(Sabotage::Stall(Duration::from_millis(200))),
            _ => None,
        };
        match how {
            Some(how) if s.fixture.sabotage(&s.store, sent.clone(), how).await => {}
            _ => acknowledged.push(s.commits(sent).await),
        }
    }
    acknowledged
}

/// Follows the log from its start until the writers are done and everything is read.
async fn follow(s: Subject, limit: usize, written: Arc<AtomicBool>) -> Vec<(Uuid, Position)> {
    let mut seen = Vec::new();
    for _ in 0..PAGES_MAX {
        let was_written = written.load(Ordering::SeqCst);
        let brought = extend(&s, &mut seen, limit).await;
        if was_written && !brought {
            return seen;
        }
        tokio::task::yield_now().await;
    }
    panic!("a reader gets to the end of the log");
}

/// Reads the next page; whether it brought anything.
async fn extend(s: &Subject, seen: &mut Vec<(Uuid, Position)>, limit: usize) -> bool {
    let after = seen.last().map_or(Position::START, |(_, position)| *position);
    let page = s.read_log(LogQuery { after, limit, ..LogQuery::default() }).await.unwrap();
    for event in &page.events {
        let before = seen.last().map_or(Position::START, |(_, position)| *position);
        assert!(event.position > before, "{} is seen after {before}", event.position);
        assert!(event.position <= page.high_water, "{} is beyond the mark", event.position);
        seen.push((event.id, event.position));
    }
    !page.events.is_empty()
}
