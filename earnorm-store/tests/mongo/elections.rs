//! Readers live through an election and a restart of the server, on the handle that they have.

use std::convert::identity;

use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::MongoStore;
use uuid::Uuid;

use crate::server::{Server, run};
use crate::support::appending;

/// Reads on until it has seen so many events, whatever the server does. Every error on the way may be tried again.
async fn follow(store: MongoStore, events: usize) -> Vec<Uuid> {
    let (mut after, mut seen) = (Position::START, Vec::new());
    while seen.len() < events {
        match store.read_log(LogQuery { after, ..LogQuery::default() }).await {
            Ok(page) => {
                seen.extend(page.events.iter().map(|event| event.id));
                after = page.events.last().map_or(page.high_water, |last| last.position).max(after);
            }
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
        for error in [store.moved(after).await.err(), store.high_water().await.err()].into_iter().flatten() {
            assert!(error.is_retryable(), "{error:?}");
        }
    }
    seen
}

/// Commits until it is acknowledged.
async fn persist(store: &MongoStore) -> Uuid {
    let commit = appending("a", ExpectedVersion::Any);
    loop {
        match store.commit(commit.clone()).await {
            Ok(receipt) => return receipt.events[0].id,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
}

/// What a reader sees while `disturb` happens to the server between two commits.
async fn survive(disturb: impl AsyncFn(&mut Server)) {
    let mut server = Server::start().await;
    let (writer, reader) = (server.open(identity).await, server.open(identity).await);
    let following = tokio::spawn(follow(reader.clone(), 6));
    let mut written = Vec::new();
    for _ in 0..2 {
        written.push(persist(&writer).await);
        written.push(persist(&writer).await);
        disturb(&mut server).await;
    }
    written.push(persist(&writer).await);
    written.push(persist(&writer).await);
    assert_eq!(following.await.expect("it ends"), written, "nothing is missed or seen twice");
    reader.close().await.expect("it closes");
    writer.close().await.expect("it closes");
}

#[test]
fn readers_live_through_elections() {
    run(survive(async |server| server.elect().await));
}

#[test]
fn readers_live_through_restarts() {
    run(survive(async |server| server.restart()));
}
