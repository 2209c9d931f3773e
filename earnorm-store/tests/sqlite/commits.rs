//! Commits that wait together share a transaction, and nobody notices.

use bson::doc;
use earnorm_core::Error;
use earnorm_core::store::Store;
use earnorm_core::stream::ExpectedVersion;

use crate::support::{Scratch, commit, events, pair};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_are_refused_one_by_one() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let commits = (0..200).map(|n| {
        let mut sent = commit(n, vec![doc! { "n": n }], vec![doc! { "_id": n }]);
        match n % 4 {
            1 => sent.appends[0].expected = ExpectedVersion::Exact(7),
            // The same new document twice: one of them is too late.
            2 => sent.documents[0].id = 0.into(),
            _ => {}
        }
        let store = store.clone();
        tokio::spawn(async move { (n, store.commit(sent).await) })
    });
    let mut positions = Vec::new();
    for answer in futures::future::join_all(commits).await {
        let (n, answer) = answer.unwrap();
        match (n % 4, answer) {
            (0 | 3, Ok(receipt)) => positions.push(receipt.events[0].position.get()),
            (1, Err(Error::Conflict(_))) => {}
            (2, Err(Error::InvalidCommit { .. } | Error::Conflict(_))) => {}
            (_, answer) => panic!("{n}: {answer:?}"),
        }
    }
    positions.sort_unstable();
    assert_eq!(positions, (1..=100).collect::<Vec<_>>(), "what was refused left no hole");
    assert_eq!(events(&store).await, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_future_is_dropped_is_there_or_not() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    for n in 0..60_i64 {
        let sent = commit(n, vec![doc! {}, doc! {}], vec![doc! { "_id": n }]);
        let _dropped =
            tokio::time::timeout(std::time::Duration::from_micros(n.unsigned_abs() * 40), store.commit(sent)).await;
    }
    store.commit(pair("last")).await.unwrap();
    for n in 0..60_i64 {
        let stream = earnorm_core::store::StreamQuery::all(crate::support::stream(n));
        let events = store.read_stream(stream).await.unwrap().len();
        let document = store.get("things", &n.into()).await.unwrap();
        assert!(matches!((events, document), (2, Some(_)) | (0, None)), "{n}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_lets_waiting_commits_finish() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let commits: Vec<_> = (0..50)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(pair(&n.to_string())).await })
        })
        .collect();
    tokio::task::yield_now().await;
    store.close().await.unwrap();
    let mut there = 0;
    for answer in futures::future::join_all(commits).await {
        match answer.unwrap() {
            Ok(_) => there += 1,
            Err(Error::Closed) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(events(&scratch.open("a.db").await).await, there);
}

#[tokio::test]
async fn an_event_id_stands_in_the_log_once() {
    let scratch = Scratch::new();
    let store = scratch.open("a.db").await;
    let first = commit("a", vec![doc! { "n": 1 }], vec![]);
    let id = first.appends[0].events[0].id;
    store.commit(first).await.unwrap();
    let mut again = commit("b", vec![doc! { "n": 2 }], vec![]);
    again.appends[0].events[0].id = id;
    let mut twice = commit("c", vec![doc! { "n": 3 }, doc! { "n": 4 }], vec![]);
    twice.appends[0].events[1].id = twice.appends[0].events[0].id;
    for (sent, id) in [(again, id), (twice.clone(), twice.appends[0].events[0].id)] {
        match store.commit(sent).await {
            Err(Error::InvalidCommit { reason }) => {
                assert_eq!(reason, format!("event id {id} stands in the log already; every event needs its own"));
            }
            other => panic!("expected a refusal, not {other:?}"),
        }
    }
    assert_eq!(events(&store).await, 1);
}
