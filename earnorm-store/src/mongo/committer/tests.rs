//! The line without a server. Nothing here leaves the one thread before it has looked, so no transaction starts.

use std::time::Duration;

use earnorm_core::error::Applied;

use super::super::commit;
use super::super::fault::Fault;
use super::super::unconnected::{PATIENCE, creating, member, unconnected};
use super::*;

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

#[tokio::test(start_paused = true)]
async fn a_commit_whose_caller_goes_away_before_its_turn_is_not_sent() {
    let inner = unconnected(Batching::default());
    inner.committer.occupy();
    let mut sent = Box::pin(commit::run(&inner, creating("a"), None));
    assert!(futures::poll!(sent.as_mut()).is_pending());
    assert_eq!(inner.committer.lock().ready.len(), 1, "it waits for its turn");
    drop(sent);
    assert!(inner.committer.take().is_none());
    assert!(inner.committer.lock().places.is_empty());
    assert_eq!(inner.committer.room.available_permits(), inner.committer.settings.waiting, "its room is free");
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_turn_does_not_come_hears_so_in_time_and_was_not_written() {
    let inner = unconnected(Batching::default());
    inner.committer.occupy();
    let began = tokio::time::Instant::now();
    let error = commit::run(&inner, creating("a"), None).await.unwrap_err();
    assert!(began.elapsed() < PATIENCE + Duration::from_millis(10));
    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, true));
    assert!(error.to_string().contains("other commits go first"), "{error}");
    assert!(inner.committer.lock().places.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_commit_on_its_way_of_which_nobody_hears_is_unknown() {
    let inner = unconnected(Batching::default());
    inner.committer.occupy();
    let began = tokio::time::Instant::now();
    let sent = commit::run(&inner, creating("a"), None);
    let takes = async {
        tokio::task::yield_now().await;
        inner.committer.take()
    };
    let (answer, batch) = tokio::join!(sent, takes);
    let error = answer.unwrap_err();
    assert_eq!((error.was_applied(), error.is_retryable()), (Applied::Unknown, true));
    assert!(began.elapsed() >= 2 * PATIENCE, "it waits as long as a server is looked for");
    assert_eq!(batch.unwrap().members.len(), 1);
}
