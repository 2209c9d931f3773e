//! Writers that are killed in the middle of writing: nothing acknowledged is lost, nothing is there by halves.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};

use bson::doc;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, LogQuery, Store};
use earnorm_store::SqliteStore;

use crate::support::{Scratch, commit, found, process};

/// Names the file, and the run, in the process of a writer.
const FILE: &str = "EARNORM_TEST_SQLITE_FILE";
const RUN: &str = "EARNORM_TEST_SQLITE_RUN";
/// How many commits are on their way at a time.
const WRITERS: usize = 8;

/// What a process does that the test below started: it writes for ever and tells what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let (Ok(uri), Ok(run)) = (std::env::var(FILE), std::env::var(RUN)) else { return };
    let store = SqliteStore::connect(&uri).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let (store, run) = (store.clone(), run.clone());
        tokio::spawn(async move {
            for number in 0.. {
                let key = format!("{run}.{writer}.{number}");
                // Three events and two documents, some of them larger than a page of the file.
                let text = "x".repeat(number * 97 % 9_000);
                let events = (0..3).map(|n| doc! { "n": n, "text": &text }).collect();
                let documents = (0..2).map(|n| doc! { "_id": format!("{key}.{n}"), "text": &text }).collect();
                store.commit(commit(&key, events, documents)).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "done {key}").unwrap();
                out.flush().unwrap();
            }
        })
    });
    futures::future::join_all(writers).await;
}

/// Kills so often: `EARNORM_TEST_KILLS`, 20 unless set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_is_killed_loses_nothing_and_leaves_nothing_by_halves() {
    let kills: usize = std::env::var("EARNORM_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let scratch = Scratch::new();
    let mut acknowledged = Vec::new();
    for kill in 0..kills {
        let mut child = process("crashes::writer", &[(FILE, &scratch.uri("a.db")), (RUN, &kill.to_string())]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let done = |line: String| line.strip_prefix("done ").map(str::to_owned);
        // It dies after another number of commits each time, while others are on their way.
        acknowledged.extend(lines.by_ref().filter_map(done).take(1 + kill * 13 % 71));
        child.kill().unwrap();
        child.wait().unwrap();
        acknowledged.extend(lines.filter_map(done));
        check(&scratch, &acknowledged).await;
    }
    assert!(acknowledged.len() >= kills);
}

async fn check(scratch: &Scratch, acknowledged: &[String]) {
    let store = scratch.open("a.db").await;
    let page = store.read_log(LogQuery { limit: 10_000_000, ..LogQuery::default() }).await.unwrap();
    let mut streams: BTreeMap<String, usize> = BTreeMap::new();
    for (position, event) in (1..).zip(&page.events) {
        assert_eq!(event.position.get(), position, "positions have no hole");
        *streams.entry(event.stream.key().to_owned()).or_default() += 1;
    }
    assert_eq!(page.high_water.get(), page.events.len() as i64);
    assert!(streams.values().all(|events| *events == 3), "a commit has three events: {streams:?}");
    let documents = found(&store, DocumentQuery::new("things", Predicate::always())).await;
    let mut pairs: BTreeMap<String, usize> = BTreeMap::new();
    for document in &documents {
        let (key, _) = document.get_str("_id").unwrap().rsplit_once('.').unwrap();
        *pairs.entry(key.to_owned()).or_default() += 1;
    }
    assert!(pairs.values().all(|documents| *documents == 2), "a commit has two documents: {pairs:?}");
    assert!(streams.keys().eq(pairs.keys()), "events and documents belong together");
    for key in acknowledged {
        assert!(streams.contains_key(key), "{key} was acknowledged and is lost");
    }
    store.close().await.unwrap();
    let whole: String = scratch.look("a.db").query_row("PRAGMA integrity_check", (), |row| row.get(0)).unwrap();
    assert_eq!(whole, "ok");
}
