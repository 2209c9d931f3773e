//! What becomes of a batch between two transactions.

use super::super::batching::Batching;
use super::super::unconnected::{Answer, PATIENCE, member, unconnected};
use super::*;

/// So many members that no transaction takes.
fn batch(members: usize) -> (Arc<Inner>, Batch, Vec<Answer>) {
    let inner = unconnected(Batching { in_flight: 1, ..Batching::default() });
    inner.committer.occupy();
    let (members, answers) = (0..members).map(|n| member(&n.to_string(), None)).unzip();
    (inner, Batch::new(members), answers)
}

/// The batches that go again within a second, the smallest first.
async fn again(inner: &Inner) -> Vec<Batch> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut batches: Vec<_> = std::iter::from_fn(|| inner.committer.take()).collect();
    batches.sort_by_key(|batch| batch.members.len());
    batches
}

fn shape(batches: &[Batch]) -> Vec<(usize, u32, &str)> {
    batches.iter().map(|batch| (batch.members.len(), batch.members[0].tries, batch.said.as_str())).collect()
}

#[tokio::test(start_paused = true)]
async fn what_met_conflicts_goes_again_as_a_whole_and_then_in_halves_down_to_single_commits() {
    let (inner, first, _answers) = batch(5);
    first.again(&inner, "one".to_owned(), true);
    let whole = again(&inner).await;
    assert_eq!(shape(&whole), [(5, 1, "one")]);
    for batch in whole {
        batch.again(&inner, "two".to_owned(), true);
    }
    let halves = again(&inner).await;
    assert_eq!(shape(&halves), [(2, 2, "two"), (3, 2, "two")]);
    for batch in halves {
        batch.again(&inner, "three".to_owned(), true);
    }
    let halves = again(&inner).await;
    assert_eq!(shape(&halves), [(2, 3, "three"), (3, 3, "three")], "each half has a whole try of its own");
    for batch in halves {
        batch.again(&inner, "four".to_owned(), true);
    }
    let parts = again(&inner).await;
    assert_eq!(shape(&parts), [(1, 4, "four"), (1, 4, "four"), (1, 4, "four"), (2, 4, "four")]);
    for batch in parts.into_iter().take(1) {
        batch.again(&inner, "five".to_owned(), true);
    }
    assert_eq!(shape(&again(&inner).await), [(1, 5, "five")], "one alone goes on");
}

#[tokio::test(start_paused = true)]
async fn what_no_smaller_batch_would_help_stays_whole() {
    let (inner, mut batch, _answers) = batch(4);
    for tries in 1..=5 {
        batch.again(&inner, "no primary".to_owned(), false);
        let mut batches = again(&inner).await;
        assert_eq!(shape(&batches), [(4, tries, "no primary")]);
        batch = batches.remove(0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_before_it_goes_again_but_not_beyond_its_time() {
    let (inner, mut batch, mut answers) = batch(1);
    batch.members[0].tries = 30;
    batch.again(&inner, "a conflict".to_owned(), true);
    for _ in 0..5 {
        tokio::task::yield_now().await;
        assert!(inner.committer.take().is_none(), "the time stands still, so it still waits");
    }
    let mut batch = again(&inner).await.remove(0);
    batch.members[0].deadline = Instant::now();
    batch.again(&inner, "a conflict".to_owned(), true);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let mut batch = inner.committer.take().expect("its time is over");
    batch.expire();
    assert!(batch.members.is_empty());
    let error = answers.remove(0).await.unwrap().unwrap_err();
    assert!(error.to_string().contains("a conflict"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_has_no_time_left_is_answered_and_the_others_stay() {
    let (_inner, mut batch, mut answers) = batch(3);
    batch.members[1].deadline = Instant::now();
    batch.expire();
    assert_eq!(batch.members.len(), 2);
    assert_eq!(batch.deadline(), Instant::now() + PATIENCE);
    let error = answers.remove(1).await.unwrap().unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()), "nobody else hears anything");
}

#[tokio::test(start_paused = true)]
async fn who_must_go_alone_goes_alone() {
    let (inner, mut batch, _answers) = batch(3);
    batch.put_out(&inner, Vec::new(), vec![(1, "a unique value was taken".to_owned())]);
    assert_eq!(batch.members.len(), 2);
    assert_eq!(shape(&again(&inner).await), [(1, 1, "a unique value was taken")]);
}
