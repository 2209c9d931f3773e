//! Answers that a server gives to commits on a bad day, which MongoDB plays on itself (`failCommand`).

use std::collections::HashSet;
use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_core::Error;
use earnorm_core::commit::{Commit, Committed};
use earnorm_core::error::Applied;
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_store::mongo::{Batching, MongoStore};
use earnorm_store::sabotage::Sabotage;

use crate::server::{Server, run};
use crate::support::{agrees, appending, at_once, changing, creating, put};

/// How a command is answered.
type How = fn() -> Document;

/// Not at all: the connection ends.
const NETWORK: How = || doc! { "closeConnection": true };

impl Server {
    /// From now on these commands of commits are answered so: so many of them, or all.
    async fn answers(&self, commands: &[&str], times: Option<i32>, how: Document) {
        let mode = times.map_or(Bson::from("alwaysOn"), |times| doc! { "times": times }.into());
        let mut data = doc! { "failCommands": commands, "appName": "earnorm/app/commits" };
        data.extend(how);
        self.ask(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data }).await;
    }

    async fn answers_well(&self) {
        self.ask(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
    }
}

fn fresh(prefix: &str, commits: usize) -> Vec<Commit> {
    (0..commits).map(|n| creating(&format!("{prefix}{n}"), doc! {})).collect()
}

fn all_well(what: &str, answers: Vec<Result<Committed, Error>>) -> Vec<Committed> {
    answers.into_iter().map(|answer| answer.unwrap_or_else(|error| panic!("{what}: {error:?}"))).collect()
}

/// Every receipt is in the log, and nothing else is but what was there before.
async fn only(store: &MongoStore, receipts: &[Committed]) {
    agrees(store, receipts).await;
    let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.expect("a page");
    let told: HashSet<_> = receipts.iter().flat_map(|receipt| &receipt.events).map(|event| event.id).collect();
    assert_eq!(page.events.len(), told.len());
    assert_eq!(page.high_water, store.high_water().await.expect("the mark"));
}

#[test]
fn commits_whose_answers_are_lost_are_applied_once() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening).await;
        let mut receipts = Vec::new();
        let unconfirmed = doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } };
        // The driver does not call this unknown, though the commit is there.
        let unheard = doc! { "writeConcernError": { "code": 100, "errmsg": "not enough data-bearing nodes" } };
        let deposed = doc! { "errorCode": 10_107, "errorLabels": ["RetryableWriteError"] };
        let ways = [
            ("lost before it is done", NETWORK()),
            ("not confirmed", unconfirmed),
            ("not to be confirmed", unheard),
            ("by a deposed primary", deposed),
        ];
        for (way, how) in ways {
            for times in [1, 2, 5] {
                server.answers(&["commitTransaction"], Some(times), how.clone()).await;
                let what = format!("{way}, {times} times");
                receipts.extend(all_well(&what, at_once(&store, fresh(&format!("{way} {times} a"), 1)).await));
                receipts.extend(all_well(&what, at_once(&store, fresh(&format!("{way} {times} b"), 12)).await));
                server.answers_well().await;
            }
        }
        only(&store, &receipts).await;
        store.close().await.expect("it closes");
    });
}

#[test]
fn a_commit_that_is_never_confirmed_is_looked_for_when_its_time_is_over() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening.commit_timeout(Duration::from_millis(700))).await;
        let unconfirmed = doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } };
        server.answers(&["commitTransaction"], None, unconfirmed).await;
        let receipts = all_well("it is there", at_once(&store, fresh("n", 5)).await);
        server.answers_well().await;
        only(&store, &receipts).await;
        store.close().await.expect("it closes");
    });
}

/// Sends a commit until it is acknowledged.
async fn persist(store: &MongoStore, commit: &Commit) -> Committed {
    loop {
        match store.commit(commit.clone()).await {
            Ok(receipt) => return receipt,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
}

#[test]
fn a_commit_that_never_arrives_is_never_told_to_be_there_and_the_same_may_be_sent_again() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening.commit_timeout(Duration::from_millis(700))).await;
        server.answers(&["commitTransaction"], None, NETWORK()).await;
        let commits = fresh("n", 5);
        for answer in at_once(&store, commits.clone()).await {
            let error = answer.expect_err("it is not there");
            // That it is not is known where its positions could be taken from it in time.
            assert!(matches!(error.was_applied(), Applied::Unknown | Applied::No), "{error:?}");
            assert!(error.is_retryable(), "{error:?}");
        }
        server.answers_well().await;
        let mut receipts = Vec::new();
        for commit in &commits {
            receipts.push(persist(&store, commit).await);
        }
        only(&store, &receipts).await;
        store.close().await.expect("it closes");
    });
}

#[test]
fn what_passes_goes_again_until_it_is_done() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening).await;
        put(&store, "a", doc! {}).await;
        let mut version = 1;
        let conflict = || doc! { "errorCode": 112 };
        let expired = || doc! { "errorCode": 50 };
        let ways: [(&str, How); 3] = [("a conflict", conflict), ("no time", expired), ("no network", NETWORK)];
        for (way, how) in ways {
            for command in ["update", "insert", "findAndModify"] {
                let what = format!("{way} at {command}");
                server.answers(&[command], Some(3), how()).await;
                let mut commits = fresh(&what, 6);
                commits.push(changing("a", version, "what", what.as_str()));
                version += 1;
                all_well(&what, at_once(&store, commits).await);
                server.answers_well().await;
            }
        }
        let changed = store.get("things", &"a".into()).await.expect("a read").expect("it is there");
        assert_eq!(changed.get("_v"), Some(&Bson::Int64(10)));
        store.close().await.expect("it closes");
    });
}

#[test]
fn what_fails_for_good_is_told_to_each_and_leaves_nothing() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening.batching(Batching { in_flight: 1, ..Batching::default() })).await;
        put(&store, "a", doc! {}).await;
        for command in ["insert", "findAndModify"] {
            server.answers(&[command], None, doc! { "errorCode": 8_000 }).await;
            for answer in at_once(&store, fresh(command, 20)).await {
                let error = answer.expect_err("it cannot be written");
                assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, false), "{error:?}");
                assert!(error.to_string().contains("8000"), "{error}");
            }
            server.answers_well().await;
            for n in 0..20 {
                let key = format!("{command}{n}");
                assert_eq!(store.get("things", &key.as_str().into()).await.expect("a read"), None);
            }
            // Nothing of the refused ones is in the way of the next.
            all_well("again", at_once(&store, fresh(command, 20)).await);
        }
        store.close().await.expect("it closes");
    });
}

#[test]
fn positions_that_were_given_up_are_filled_at_once_and_not_after_the_grace() {
    run(async {
        let server = Server::start().await;
        let store = server.open(|opening| opening.hole_grace(Duration::from_secs(3_600))).await;
        put(&store, "a", doc! {}).await;
        // It writes no documents, so that the first insert is that of its events, after their positions are reserved.
        let commits: Vec<_> = (0..3).map(|n| appending(&format!("n{n}"), ExpectedVersion::NoStream)).collect();
        server.answers(&["insert"], Some(1), doc! { "errorCode": 112 }).await;
        let sent = store.sabotage_together(commits, Sabotage::Stall(Duration::ZERO)).await.expect("they are sent");
        let receipts = all_well("a conflict", sent);
        let positions: Vec<_> = receipts.iter().map(|receipt| receipt.events[0].position.get()).collect();
        assert_eq!(positions, [5, 6, 7], "other positions than the first time");
        assert_eq!(store.high_water().await.expect("a mark").get(), 7, "nobody waits for 2 to 4");
        store.close().await.expect("it closes");
    });
}
